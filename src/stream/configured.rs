//! The stream that the configuration names.

use std::path::Path;
use std::sync::Arc;

use sealtrail_chain::ChainName;

use super::kafka::KafkaStream;
use super::{Batch, Config, DirectoryStream, Error, StreamLeg, Tail};
use crate::host::Disk;

/// One of the two targets; both hold the very same messages.
pub enum Stream {
    Directory(Box<DirectoryStream>),
    Kafka(Box<KafkaStream>),
}

impl Stream {
    /// Nothing is asked, made or changed before the first call.
    pub fn new(config: &Config, disk: Arc<dyn Disk>, data_dir: &Path, chain: ChainName) -> Self {
        match config {
            Config::Directory(directory) => {
                Self::Directory(Box::new(DirectoryStream::new(disk, directory, data_dir, config.partition(), chain)))
            }
            Config::Kafka(settings) => Self::Kafka(Box::new(KafkaStream::new((**settings).clone(), chain))),
        }
    }
}

impl StreamLeg for Stream {
    async fn end(&mut self) -> Result<Tail, Error> {
        match self {
            Self::Directory(stream) => stream.end().await,
            Self::Kafka(stream) => stream.end().await,
        }
    }

    async fn take_over(&mut self) -> Result<(), Error> {
        match self {
            Self::Directory(stream) => stream.take_over().await,
            Self::Kafka(stream) => stream.take_over().await,
        }
    }

    async fn commit(&mut self, batch: &Batch) -> Result<(), Error> {
        match self {
            Self::Directory(stream) => stream.commit(batch).await,
            Self::Kafka(stream) => stream.commit(batch).await,
        }
    }
}
