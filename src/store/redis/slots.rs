//! Marks in the slots of a cluster: a master that came back without its data is known by those of its
//! partitions, which are not there.
//!
//! Each partition has one. They are written when a cluster is opened for the first time, and noted in
//! the marks of the installation once all are there; from then on one that is missing means that the
//! data is not what it was.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use redis::{RedisResult, Value};

use super::RedisStore;
use super::keys;
use super::link::Link;
use super::startup::{Marks, OpenError, unreachable};
use super::view::optional_bytes_of;
use crate::domain::ids::Partition;

/// Marks asked for at once.
const AT_ONCE: usize = 64;
/// The field of the installation that says that every partition has its mark.
const ARE_MARKED: &str = "partitions_marked";

/// Writes the marks of all partitions where that was not done before, or finds them.
pub(super) async fn mark(store: &RedisStore, marks: &Marks) -> Result<(), OpenError> {
    let mut ask = redis::cmd("HGET");
    ask.arg(keys::INSTALL).arg(ARE_MARKED);
    if store.command(&ask).await? != Value::Nil {
        return look(store, marks).await;
    }
    let write = |partition| async move {
        let mut write = redis::cmd("SET");
        write.arg(keys::mark(partition)).arg(marks.created_at());
        store.command(&write).await.map(drop)
    };
    let partitions = stream::iter((0..store.settings.partitions).map(Partition));
    partitions.map(write).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    let mut note = redis::cmd("HSET");
    note.arg(keys::INSTALL).arg(ARE_MARKED).arg(1);
    store.command(&note).await?;
    Ok(())
}

/// Whether every partition has its mark.
pub(super) async fn look(store: &RedisStore, marks: &Marks) -> Result<(), OpenError> {
    let partitions = stream::iter((0..store.settings.partitions).map(Partition));
    let read = partitions.map(|partition| read(&store.link, partition)).buffer_unordered(AT_ONCE);
    let found: Vec<Value> =
        read.try_collect().await.map_err(|error| unreachable(&store.settings, &error))?;
    for mark in found {
        if optional_bytes_of(mark)?.as_deref() != Some(marks.created_at().as_bytes()) {
            return Err(OpenError::DataGone);
        }
    }
    Ok(())
}

async fn read(link: &Link, partition: Partition) -> RedisResult<Value> {
    let mut read = redis::cmd("GET");
    read.arg(keys::mark(partition));
    link.send(&read).await
}
