//! A store in which some files are not there until they are written again.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, future};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

/// A store without some of its files.
#[derive(Debug)]
pub(crate) struct Hiding {
    store: Arc<dyn ObjectStore>,
    hidden: Arc<Mutex<HashSet<Path>>>,
}

impl Hiding {
    /// `store` without the files at `hidden`.
    pub(crate) fn new(store: Arc<dyn ObjectStore>, hidden: HashSet<Path>) -> Self {
        Self { store, hidden: Arc::new(Mutex::new(hidden)) }
    }

    fn hides(&self, location: &Path) -> bool {
        is_in(&self.hidden, location)
    }

    fn show(&self, location: &Path) {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).remove(location);
    }

    fn shown(
        &self,
        files: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let hidden = Arc::clone(&self.hidden);
        files.try_filter(move |file| future::ready(!is_in(&hidden, &file.location))).boxed()
    }
}

fn is_in(hidden: &Mutex<HashSet<Path>>, location: &Path) -> bool {
    hidden.lock().unwrap_or_else(PoisonError::into_inner).contains(location)
}

impl fmt::Display for Hiding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} without broken checkpoints", self.store)
    }
}

#[async_trait]
impl ObjectStore for Hiding {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self.store.put_opts(location, payload, options).await?;
        self.show(location);
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.store.put_multipart_opts(location, options).await?;
        self.show(location);
        Ok(upload)
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if self.hides(location) {
            let source = "it cannot be read and is passed over".into();
            return Err(Error::NotFound { path: location.to_string(), source });
        }
        self.store.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.shown(self.store.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.shown(self.store.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut found = self.store.list_with_delimiter(prefix).await?;
        found.objects.retain(|file| !self.hides(&file.location));
        Ok(found)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.store.rename_opts(from, to, options).await
    }
}
