//! What a performance file says, independent of the form it was written in.

use crate::{Micros, Reject};

/// The known forms of performance files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 3GPP 32.435 and its 32.401 XML predecessors: root `measCollecFile`.
    MeasCollec,
    /// 3GPP 28.532: root `measDataFile`.
    MeasData,
    /// 3GPP 32.401 V5: root `mdc`.
    Mdc,
    /// Nokia: root `OMeS`.
    Omes,
}

impl Format {
    /// The format whose root element has this local name.
    pub(crate) fn of_root(name: &str) -> Option<Self> {
        match name {
            "measCollecFile" => Some(Self::MeasCollec),
            "measDataFile" => Some(Self::MeasData),
            "mdc" => Some(Self::Mdc),
            "OMeS" => Some(Self::Omes),
            _ => None,
        }
    }

    /// The name that logs show.
    pub fn name(self) -> &'static str {
        match self {
            Self::MeasCollec => "3GPP 32.435",
            Self::MeasData => "3GPP 28.532",
            Self::Mdc => "3GPP 32.401 mdc",
            Self::Omes => "Nokia OMeS",
        }
    }
}

/// Bits of [`Block::flags`], as in the column `pm_counters.flags`.
pub mod flags {
    /// The period lies outside the times that header and footer name.
    pub const TIMES_DISAGREE: i32 = 1;
    /// The period is none of the usual lengths: collection began or ended inside it.
    pub const TRUNCATED: i32 = 2;
    /// A stamp carried no offset; UTC was assumed.
    pub const NO_OFFSET: i32 = 4;
}

/// One performance file.
#[derive(Debug, Clone)]
pub struct MeasFile {
    /// The form it was written in.
    pub format: Format,
    /// The vendor as written; empty when the file does not say.
    pub vendor: String,
    /// The sender's name as written; empty when the file does not say.
    pub sender: String,
    /// Start of the collection, from the header.
    pub begin: Option<Micros>,
    /// End of the collection, from the footer.
    pub end: Option<Micros>,
    /// The managed elements that the blocks refer to.
    pub elements: Vec<Element>,
    /// The measurements, in the order of the file.
    pub blocks: Vec<Block>,
    /// What could not be used.
    pub rejects: Vec<Reject>,
    /// What became of every value.
    pub counts: Counts,
}

/// A managed element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Element {
    /// Its full distinguished name.
    pub ne_dn: String,
    /// Its software, as written.
    pub sw_version: Option<String>,
}

/// Objects × counters of one period: a `measInfo` or its like.
#[derive(Debug, Clone)]
pub struct Block {
    /// Index into [`MeasFile::elements`].
    pub element: usize,
    /// `measInfoId`.
    pub meas_info_id: Option<String>,
    /// `jobId`.
    pub job_id: Option<String>,
    /// Start of the granularity period.
    pub period_start: Micros,
    /// Length of the granularity period.
    pub granularity_s: i32,
    /// The offset from UTC in which the period was written; `None` when it was not.
    pub offset_s: Option<i32>,
    /// Bits of [`flags`].
    pub flags: i32,
    /// Counter names, in the order of the values.
    pub counters: Vec<String>,
    /// The measured objects.
    pub objects: Vec<Object>,
    /// Scalars, `objects × counters` row by row; NaN means missing.
    pub values: Vec<f64>,
    /// List-valued counters; their places in `values` are NaN.
    pub lists: Vec<ListValue>,
}

impl Block {
    /// The end of the granularity period.
    pub fn period_end(&self) -> Micros {
        self.period_start + i64::from(self.granularity_s) * 1_000_000
    }

    /// The scalars of one object.
    pub fn row(&self, object: usize) -> &[f64] {
        let width = self.counters.len();
        &self.values[object * width..(object + 1) * width]
    }
}

/// A measured object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name below the element; empty for the element itself.
    pub ldn: String,
    /// The element marked its values as suspect.
    pub suspect: bool,
}

/// One list-valued counter of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct ListValue {
    /// Index into [`Block::objects`].
    pub object: usize,
    /// Index into [`Block::counters`].
    pub counter: usize,
    /// The bins; `None` when every one is blank.
    pub bins: Option<Vec<Option<f64>>>,
    /// The text as written.
    pub raw: String,
}

/// What became of the values of a file.
///
/// `read = scalars + lists + nulls + repeated + rejected` holds for every file; `repeated` values
/// stand in the row of the equal value that was read first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Values found.
    pub read: u64,
    /// Numbers kept.
    pub scalars: u64,
    /// Lists kept, all-blank ones included.
    pub lists: u64,
    /// Values that say "missing".
    pub nulls: u64,
    /// Values that repeat an earlier one of the same counter, object and period.
    pub repeated: u64,
    /// Values set aside, see [`MeasFile::rejects`].
    pub rejected: u64,
}

impl Counts {
    /// Values that the tables hold.
    pub fn written(&self) -> u64 {
        self.scalars + self.lists + self.nulls + self.repeated
    }

    /// Whether every value is accounted for.
    pub fn is_conserved(&self) -> bool {
        self.read == self.written() + self.rejected
    }
}
