//! Directories: made from the nearest one upwards that is there, with the mode that follows from it.

use super::client::{Connection, Step};
use super::failure::Result;

impl Connection {
    /// Makes a directory and those above it; see [`mode_below`].
    ///
    /// One call of the NameNode where it is there, as most are. Otherwise one for each level that
    /// is missing, one for the nearest that is there, and the one that makes them.
    pub(super) async fn make_directory(&self, path: &str) -> Result<()> {
        let mut nearest = path;
        let mut found = self.status(nearest).await?;
        while found.is_none() && nearest != "/" {
            nearest = parent(nearest);
            found = self.status(nearest).await?;
        }
        if nearest == path && found.as_ref().is_some_and(|status| status.isdir) {
            return Ok(());
        }
        let mode = mode_below(found.map_or(0, |status| status.permission));
        let step = Step { operation: "make directory", path };
        self.repeat(&step, |client| async move { client.mkdirs(path, mode, true).await }).await
    }
}

/// The directory that a path lies in.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map(|(above, _)| above).filter(|above| !above.is_empty()).unwrap_or("/")
}

/// The mode of a directory below one with this permission: what Hadoop's client makes under its
/// usual umask, and the group may write where it may write above.
///
/// `hdfs-native` cannot say that a mode is free of a umask, so the NameNode cuts an inherited access
/// list down to it: without that right no group and no administrator could write below a directory
/// that somebody else made. Directories that come with a file inherit it by the NameNode's own rule.
fn mode_below(permission: u16) -> u32 {
    0o755 | (u32::from(permission) & 0o020)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_may_write_below_where_it_may_write_above() {
        let modes = [0o755, 0o750, 0o700, 0o770, 0o1770, 0o777].map(mode_below);
        assert_eq!(modes, [0o755, 0o755, 0o755, 0o775, 0o775, 0o775]);
    }

    #[test]
    fn the_way_up_ends_at_the_root() {
        assert_eq!(["/data/models/t", "/data", "/"].map(parent), ["/data/models", "/", "/"]);
    }
}
