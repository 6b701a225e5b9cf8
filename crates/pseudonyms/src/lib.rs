//! Pseudonyms of people, by epoch, and the keys behind them.
//!
//! The pseudonym of a name is a keyed hash. Each [`Epoch`] has a [`Key`] of its own: within an
//! epoch a person is the same, between epochs nobody can tell. Without the key a pseudonym names
//! nobody, so that destroying the key erases the person ([`Folder::destroy`]). Keys lie in a local
//! [`Folder`]; the data root only knows which key an epoch has ([`register`]), so that a lost
//! folder is an error and never a second key.

mod epoch;
mod folder;
mod key;
pub mod register;

pub use epoch::{Epoch, Months};
pub use folder::{Folder, Found};
pub use key::Key;
