//! The advise stage.

pub mod advice;
pub mod candidates;
pub mod clock;
pub mod config;
pub mod evidence;
pub mod exposure;
pub mod incidents;
pub mod inputs;
pub mod known;
pub mod network;
pub mod panels;
pub mod ranking;
pub mod report;
pub mod wording;
