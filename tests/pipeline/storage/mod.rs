//! Storage that loses nothing: writers that are killed, writers that race, and the stage that
//! looks after what they leave.

mod crashes;
mod fan_out;
mod maintain;
mod raw_log;
mod writers;
