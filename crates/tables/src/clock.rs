//! The clock of the store: what is old is decided by it, never by the clock of this machine.

use object_store::ObjectStoreExt as _;

use crate::slot::Micros;
use crate::{Context as _, Result, Root};

impl Root {
    /// Now, by the clock of the store: the modification time of a file written for it.
    ///
    /// # Errors
    /// `CannotWrite` or `Transient`.
    pub fn clock(&self) -> Result<Micros> {
        let name = format!("_staging/.clock-{}", uuid::Uuid::now_v7());
        let probe = self.location(&name)?;
        let store = self.store();
        let read = async {
            store.put(&probe, bytes::Bytes::new().into()).await?;
            let head = store.head(&probe).await;
            store.delete(&probe).await?;
            head
        };
        let head = self.block(read).context(|| "ask the store for the time")?;
        Ok(head.last_modified.timestamp_micros())
    }
}
