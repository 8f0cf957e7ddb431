//! What lies in the places of a chain: nothing but what is of it, in the partition that its genesis note names, one version
//! of each key.

use std::path::Path;

use super::Auditor;
use crate::verify::finding::{Code, Finding};
use crate::verify::leg::Leg;
use crate::verify::report::Unchecked;

impl Auditor<'_> {
    /// What lies in the places of the chain, but is not of it.
    pub(super) fn check_layout(&mut self, leg: &Leg) {
        for path in &leg.foreign {
            self.find_foreign(path, "objects of the format alone", "another name, kind or place");
        }
        self.check_versions(leg);
        let owed = self.genesis.as_ref().map(|note| note.statement().partition);
        if let (Some(owed), Some(partition)) = (owed, leg.partition.filter(|partition| Some(*partition) != owed)) {
            let found = format!("partition {partition}");
            self.find_foreign(Path::new(&*leg.place), &format!("partition {owed}, as the genesis note says"), &found);
        }
    }

    /// In a bucket each key has one version, for ever.
    fn check_versions(&mut self, leg: &Leg) {
        if leg.store.versions_unseen() {
            self.unchecked.push(Unchecked::VersionsUnseen { chain: self.chain.clone(), place: leg.place.to_string() });
        }
        let ours = |path: &Path| {
            let dirs = [Some(&leg.dir), Some(&leg.checkpoints), leg.rotations.as_ref()];
            dirs.into_iter().flatten().any(|dir| path.starts_with(dir)) || leg.genesis.as_deref() == Some(path)
        };
        for oddity in leg.store.oddities().into_iter().filter(|oddity| ours(&oddity.path)) {
            let at = leg.files.iter().find(|file| file.path == oddity.path).map_or(0, |file| file.first);
            let place = oddity.path.display().to_string().into();
            self.findings.add(Finding::at(oddity.code, self.chain, at, &place).expected(oddity.expected, oddity.found));
        }
    }

    pub(super) fn find_foreign(&mut self, path: &Path, expected: &str, found: &str) {
        let finding = Finding::at(Code::Foreign, self.chain, 0, &path.display().to_string().into());
        self.findings.add(finding.expected(expected, found));
    }
}
