//! Work on all cores, results in order, in flat memory.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

/// Does `work` for every item on `threads` threads and hands the results to `each` in the order of the items. No thread
/// begins an item that lies more than a few items a thread ahead of the one awaited, so few results wait at any time.
pub(super) fn ordered<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
    mut each: impl FnMut(R),
) {
    let threads = threads.clamp(1, items.len().max(1));
    let queue = Queue { state: Mutex::new((0, 0)), moved: Condvar::new(), ahead: threads * 4, items: items.len() };
    let (done, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (queue, work, done) = (&queue, &work, done.clone());
            scope.spawn(move || {
                let _open = Closing(queue);
                while let Some(index) = queue.take() {
                    if done.send((index, work(&items[index]))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done);
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (index, result) in results {
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&next) {
                each(result);
                next += 1;
                queue.advance(next);
            }
        }
    });
}

struct Queue {
    /// The next item to begin, and the next one awaited.
    state: Mutex<(usize, usize)>,
    moved: Condvar,
    ahead: usize,
    items: usize,
}

impl Queue {
    fn take(&self) -> Option<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.0 < self.items && state.0 >= state.1.saturating_add(self.ahead) {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let index = state.0;
        state.0 += 1;
        (index < self.items).then_some(index)
    }

    fn advance(&self, next: usize) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1 = next;
        self.moved.notify_all();
    }
}

/// A thread that panics would leave its item awaited for ever: nobody waits any more, and the scope hands the panic on.
struct Closing<'a>(&'a Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.advance(usize::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ordered;

    #[test]
    fn results_come_in_order_and_all() {
        let items: Vec<u64> = (0..1_000).collect();
        for threads in [1, 2, 7] {
            let mut seen = Vec::new();
            ordered(&items, threads, |n| n * 2, |n| seen.push(n));
            assert!(seen.iter().copied().eq((0..1_000).map(|n| n * 2)), "{threads} threads");
        }
        ordered(&[] as &[u64], 4, |n| *n, |_| unreachable!("nothing to do"));
    }
}
