//! What went wrong on HDFS: its kind, and whether the call may have taken effect nevertheless.
//!
//! A NameNode answers with the name of a Java exception and a stack trace; one line of it helps.

use std::fmt;
use std::io::ErrorKind as Io;

use hdfs_native::HdfsError;

use crate::{Error, ErrorKind};

/// What is known about the call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Refused for good: a second try would end the same.
    Refused,
    /// It did not happen, and may succeed later: any call may be repeated.
    NotDone,
    /// It may have happened: only calls that are the same twice may be repeated.
    Unknown,
}

/// A call that failed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    pub(super) effect: Effect,
    message: String,
    hint: Option<&'static str>,
}

/// Result with [`Failure`].
pub(super) type Result<T, E = Failure> = std::result::Result<T, E>;

const TICKET: &str =
    "run kinit, or name a keytab by KRB5_CLIENT_KTNAME and the realm by KRB5_CONFIG";
const RIGHTS: &str = "ask for the right with `hdfs dfs -chmod`, `-chown` or `-setfacl`";
const QUOTA: &str = "free space or raise the quota: `hdfs dfs -count -q` shows it";
const SPACE: &str = "`hdfs dfsadmin -report` shows the space and the live DataNodes";
const WHERE: &str = "HADOOP_CONF_DIR names the folder of core-site.xml and hdfs-site.xml; \
    a NameNode without a name service needs its port: hdfs://host:8020/path";
const REPLICAS: &str = "`hdfs fsck` with the path tells whether its blocks are missing or corrupt";
/// What `hdfs-native` says when it tried all replicas of a block.
const NO_REPLICA: &str = "All DataNodes failed";
const SAFE_MODE: &str = "`hdfs dfsadmin -safemode get` tells when it has ended";

impl Failure {
    pub(super) fn new(kind: ErrorKind, effect: Effect, message: impl Into<String>) -> Self {
        Self { kind, effect, message: message.into(), hint: None }
    }

    /// No answer in time: nobody knows what happened.
    pub(super) fn timed_out(seconds: u64) -> Self {
        let message = format!("no answer within {seconds} s");
        Self::new(ErrorKind::Transient, Effect::Unknown, message)
            .hint("check that the NameNode and the DataNodes are up and reachable")
    }

    fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Puts what was attempted, and where, in front of the message.
    pub(super) fn during(mut self, service: &str, operation: &str, path: &str) -> Self {
        self.message = format!("{operation} {service}{path}: {}", self.message);
        self
    }

    /// Whether what was looked for is not there.
    pub(super) fn is_missing(&self) -> bool {
        self.kind == ErrorKind::Missing
    }

    /// What this writer had made itself is gone: its folder was deleted, or another took its place.
    /// That is no missing input, and another try may fare better.
    pub(super) fn of_own_file(mut self) -> Self {
        if self.is_missing() {
            (self.kind, self.effect) = (ErrorKind::Transient, Effect::Unknown);
        }
        self
    }

    /// Whether something stands where nothing may.
    pub(super) fn is_taken(&self) -> bool {
        self.kind == ErrorKind::Conflict
    }

    /// The form that the object store's callers know.
    pub(super) fn into_store(self, path: &str) -> object_store::Error {
        let (kind, path) = (self.kind, path.to_owned());
        let source: Box<dyn std::error::Error + Send + Sync> = Box::new(Error::from(self));
        match kind {
            ErrorKind::Missing => object_store::Error::NotFound { path, source },
            ErrorKind::Conflict => object_store::Error::AlreadyExists { path, source },
            _ => object_store::Error::Generic { store: "hdfs", source },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let error = Self::new(failure.kind, failure.message);
        match failure.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<HdfsError> for Failure {
    fn from(error: HdfsError) -> Self {
        use Effect::{Refused, Unknown};
        let text = first_line(&error.to_string());
        match error {
            HdfsError::RPCError(class, message) | HdfsError::FatalRPCError(class, message) => {
                of_exception(&class, &first_line(&message))
            }
            HdfsError::IOError(error) => of_io(&error),
            HdfsError::AlreadyExists(_) => Self::new(ErrorKind::Conflict, Refused, text),
            HdfsError::FileNotFound(_)
            | HdfsError::BlocksNotFound(_)
            | HdfsError::IsADirectoryError(_) => Self::new(ErrorKind::Missing, Refused, text),
            HdfsError::GSSAPIError(..) | HdfsError::SASLError(_) | HdfsError::NoSASLMechanism => {
                of_ticket(text)
            }
            HdfsError::UnsupportedFeature(_)
            | HdfsError::UnsupportedErasureCodingPolicy(_)
            | HdfsError::InvalidPath(_) => Self::new(ErrorKind::Usage, Refused, text),
            // The rest of the text is what the client knows of the DataNodes, line after line.
            HdfsError::DataTransferError(_) if text.contains(NO_REPLICA) => {
                let message =
                    "no DataNode gave a block of it: all are down, or the block is corrupt";
                Self::new(ErrorKind::Unreadable, Unknown, message).hint(REPLICAS)
            }
            HdfsError::InvalidArgument(_)
            | HdfsError::UrlParseError(_)
            | HdfsError::XmlParseError(_) => Self::new(ErrorKind::Usage, Refused, text).hint(WHERE),
            _ => Self::new(ErrorKind::Transient, Unknown, text),
        }
    }
}

/// A Java exception by its class; `message` is its first line.
fn of_exception(class: &str, message: &str) -> Failure {
    use Effect::{NotDone, Refused, Unknown};
    let name = class.rsplit(['.', '$']).next().unwrap_or(class);
    let failure = |kind, effect| Failure::new(kind, effect, format!("{name}: {message}"));
    match name {
        "FileNotFoundException" => failure(ErrorKind::Missing, Refused),
        "FileAlreadyExistsException" | "AlreadyBeingCreatedException" => {
            failure(ErrorKind::Conflict, Refused)
        }
        "AccessControlException" | "AuthorizationException" => {
            failure(ErrorKind::CannotWrite, Refused).hint(RIGHTS)
        }
        "SaslException" | "GSSException" | "InvalidToken" => {
            of_ticket(format!("{name}: {message}"))
        }
        "SafeModeException" => failure(ErrorKind::Transient, NotDone).hint(SAFE_MODE),
        "StandbyException" | "RetriableException" | "ObserverRetryOnActiveException" => {
            failure(ErrorKind::Transient, NotDone)
        }
        _ if name.contains("Quota") => failure(ErrorKind::CannotWrite, Refused).hint(QUOTA),
        "MaxDirectoryItemsExceededException"
        | "PathComponentTooLongException"
        | "ParentNotDirectoryException" => failure(ErrorKind::CannotWrite, Refused),
        // The NameNode found no DataNode for a new block: all are down, or full, or busy.
        _ if message.contains("could only be written to") => {
            let is_down = message.contains("0 datanode(s) running");
            let kind = if is_down { ErrorKind::Transient } else { ErrorKind::CannotWrite };
            failure(kind, NotDone).hint(SPACE)
        }
        _ => failure(ErrorKind::Transient, Unknown),
    }
}

/// Who has no ticket gets none by waiting; a key server that is away comes back.
fn of_ticket(message: String) -> Failure {
    if message.contains("Cannot contact any KDC") {
        return Failure::new(ErrorKind::Transient, Effect::NotDone, message);
    }
    let message = format!("not authenticated: {message}");
    Failure::new(ErrorKind::CannotWrite, Effect::Refused, message).hint(TICKET)
}

fn of_io(error: &std::io::Error) -> Failure {
    let effect = match error.kind() {
        Io::ConnectionRefused
        | Io::HostUnreachable
        | Io::NetworkUnreachable
        | Io::AddrNotAvailable
        | Io::NotConnected => Effect::NotDone,
        _ => Effect::Unknown,
    };
    Failure::new(ErrorKind::Transient, effect, first_line(&error.to_string()))
        .hint("check that the NameNode and the DataNodes are up and reachable")
}

/// The message without the Java stack trace.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(class: &str, message: &str) -> Failure {
        HdfsError::RPCError(class.into(), message.into()).into()
    }

    #[test]
    fn exceptions_get_the_kind_behind_their_exit_code() {
        use Effect::{NotDone, Refused, Unknown};
        use ErrorKind::{CannotWrite, Conflict, Missing, Transient};
        let hdfs = |name: &str| format!("org.apache.hadoop.hdfs.protocol.{name}");
        for (class, message, kind, effect) in [
            ("java.io.FileNotFoundException".to_owned(), "no", Missing, Refused),
            (hdfs("AlreadyBeingCreatedException"), "no", Conflict, Refused),
            (hdfs("NSQuotaExceededException"), "no", CannotWrite, Refused),
            (
                "org.apache.hadoop.security.AccessControlException".into(),
                "no",
                CannotWrite,
                Refused,
            ),
            ("x.SecretManager$InvalidToken".into(), "no", CannotWrite, Refused),
            ("x.namenode.SafeModeException".into(), "no", Transient, NotDone),
            ("org.apache.hadoop.ipc.StandbyException".into(), "no", Transient, NotDone),
            (
                "java.io.IOException".into(),
                "File /a could only be written to 0 of the 1 minReplication nodes. \
                 There are 0 datanode(s) running and 0 node(s) are excluded in this operation.",
                Transient,
                NotDone,
            ),
            (
                "java.io.IOException".into(),
                "File /a could only be written to 0 of the 1 minReplication nodes. \
                 There are 3 datanode(s) running and no node(s) are excluded in this operation.",
                CannotWrite,
                NotDone,
            ),
            ("java.lang.NullPointerException".into(), "no", Transient, Unknown),
        ] {
            let failure = rpc(&class, message);
            assert_eq!((failure.kind, failure.effect), (kind, effect), "{class}: {message}");
        }
    }

    #[test]
    fn a_message_is_one_line_with_operation_service_and_path() {
        let trace = "Permission denied: user=x\n\tat org.apache.Server.call(Server.java:12)";
        let failure = rpc("org.apache.hadoop.security.AccessControlException", trace);
        let error = Error::from(failure.during("hdfs://foresite", "create", "/data/a"));
        assert_eq!(
            error.to_string(),
            "create hdfs://foresite/data/a: AccessControlException: Permission denied: user=x"
        );
        assert_eq!(error.advice(), Some(RIGHTS));
    }

    #[test]
    fn a_refused_connection_did_nothing_and_a_reset_one_may_have() {
        let of = |kind: Io| Failure::from(HdfsError::IOError(kind.into())).effect;
        assert_eq!(of(Io::ConnectionRefused), Effect::NotDone);
        assert_eq!(of(Io::ConnectionReset), Effect::Unknown);
    }
}
