//! What pages for people are made of: moments and numbers in words, frames of plots, the style, and
//! the page around them.
//!
//! Every stage that publishes a page builds it from these, so that one number reads the same
//! everywhere and no page looks like another product's. No I/O.

pub mod clock;
pub mod frame;
pub mod page;
pub mod wording;

/// The style sheet of every page; pages are self-contained and carry it inside.
pub const STYLE: &str = include_str!("style.css");
