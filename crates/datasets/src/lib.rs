//! What train, evaluate and predict share: tables in, the models' own data structures out.
//!
//! A model must see the same numbers when it is fitted, judged and used, so there is one way from
//! rows to panels, series and feature rows, and one form in which a fitted model is kept.

mod data;
mod encoded;
mod features;
pub mod measure;
mod package;
mod panel;
mod reader;
mod samples;
mod series;
mod task;
mod work;

pub use data::Data;
pub use encoded::tabular_slices;
pub use features::FeatureRow;
pub use package::{Fitted, Package, model_error, registry_error};
pub use panel::{CutoffGrid, panel, periods, profiles_reaching_back};
pub use reader::Reader;
pub use samples::{Sample, SampleSet};
pub use series::{Season, first_ahead, origins, season, series};
pub use task::{limit, link, load as load_task};
pub use work::mark_work;
