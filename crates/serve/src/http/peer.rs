//! Who is at the other end of a connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::tokens::Holder;

/// The other end, a proxy's where one stands between.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// The subject of the certificate that it showed.
    pub(crate) certificate: Option<Arc<str>>,
}

impl Peer {
    /// One that has shown nothing yet.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { address: address.ip().to_canonical(), certificate: None }
    }

    /// How the book of log-ins names it: the person of its token, else its certificate, else the token;
    /// nobody where it has none of them.
    pub(crate) fn caller(&self, holder: Option<&Holder>) -> Option<String> {
        let person = holder.and_then(|holder| holder.person.clone());
        let certificate =
            || self.certificate.as_ref().map(|subject| format!("certificate {subject}"));
        let token = || holder.map(Holder::name);
        person.or_else(certificate).or_else(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_named_by_what_says_most() {
        let bare = Peer::at("[::ffff:10.1.2.3]:40000".parse().unwrap());
        assert_eq!(bare.address, IpAddr::from([10, 1, 2, 3]));
        let with = Peer { certificate: Some("CN=Kim".into()), ..bare.clone() };
        let program = Holder { person: None, id: "8ed3f6ad".into() };
        let person = Holder { person: Some("Lee".into()), id: "f44e64e7".into() };
        let told = |peer: &Peer, holder| peer.caller(holder).unwrap_or_default();
        assert_eq!(told(&bare, None), "");
        assert_eq!(told(&bare, Some(&program)), "token 8ed3f6ad");
        assert_eq!(told(&with, Some(&program)), "certificate CN=Kim");
        assert_eq!(told(&with, Some(&person)), "Lee");
    }
}
