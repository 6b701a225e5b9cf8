//! From a request to an answer, whatever carried them.

mod answer;
mod ask;
mod describe;
mod share;
mod sheets;
mod work;

pub(crate) use answer::{Said, answer};
pub(crate) use ask::Ask;
pub(crate) use describe::metadata;
pub(crate) use share::{Part, split};
pub(crate) use sheets::Sheets;
pub(crate) use work::{Open, Work};
