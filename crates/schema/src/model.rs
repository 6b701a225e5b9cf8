//! What a table definition consists of.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// The value types that the tables use; each maps to one Arrow and one Delta type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKind {
    /// UTF-8 text.
    Text,
    /// `true` or `false`.
    Bool,
    /// 32-bit signed integer.
    Int,
    /// 64-bit signed integer.
    Long,
    /// 32-bit float.
    Float,
    /// 64-bit float.
    Double,
    /// Microseconds since the epoch, UTC.
    Time,
    /// Days since the epoch, UTC.
    Date,
    /// List of 64-bit floats with null elements.
    Doubles,
    /// List of text.
    Texts,
}

impl DataKind {
    /// The Arrow type that stores this kind.
    pub fn arrow(self) -> DataType {
        let list = |inner| DataType::List(Arc::new(Field::new("element", inner, true)));
        match self {
            Self::Text => DataType::Utf8,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Date => DataType::Date32,
            Self::Doubles => list(DataType::Float64),
            Self::Texts => list(DataType::Utf8),
        }
    }

    /// The word the data dictionary uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bool => "boolean",
            Self::Int => "int32",
            Self::Long => "int64",
            Self::Float => "float32",
            Self::Double => "float64",
            Self::Time => "timestamp (µs, UTC)",
            Self::Date => "date",
            Self::Doubles => "list of float64",
            Self::Texts => "list of text",
        }
    }
}

/// Whether a column may hold nulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nullability {
    /// Every row has a value.
    Required,
    /// Null means "not known" or "not applicable", never zero.
    Nullable,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name, as in the Parquet file.
    pub name: String,
    /// Value type.
    pub kind: DataKind,
    /// Whether nulls are allowed.
    pub nullability: Nullability,
    /// Unit in the field's notation; empty when there is none.
    pub unit: String,
    /// One sentence for the data dictionary.
    pub meaning: String,
}

impl Column {
    /// A column without nulls.
    pub fn required(name: &str, kind: DataKind, unit: &str, meaning: &str) -> Self {
        Self {
            name: name.into(),
            kind,
            nullability: Nullability::Required,
            unit: unit.into(),
            meaning: meaning.into(),
        }
    }

    /// A column that may be null.
    pub fn nullable(name: &str, kind: DataKind, unit: &str, meaning: &str) -> Self {
        Self { nullability: Nullability::Nullable, ..Self::required(name, kind, unit, meaning) }
    }

    /// The Arrow field of this column.
    pub fn field(&self) -> Field {
        Field::new(&self.name, self.kind.arrow(), self.nullability == Nullability::Nullable)
    }
}

/// How rows of a table come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// Facts as they arrived; a commit only appends (a plan may replace its own rows).
    Raw,
    /// Computed rows; a commit replaces one slot and keeps superseded rows with their `known_at`.
    Derived,
    /// Decisions and states in order; a commit only appends.
    Log,
}

/// How long rows are kept, in days of the table's time column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Days after which retention may remove a row.
    Days(u32),
    /// As long as a model that was trained on them has an alias.
    WithModels,
    /// Never removed by retention.
    Forever,
}

/// The definition of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDef {
    /// Directory name below `<data-root>/tables/`.
    pub name: String,
    /// What one row is.
    pub row: String,
    /// All columns, partition columns included, in stored order.
    pub columns: Vec<Column>,
    /// The columns that identify a fact; versions of it differ in `known_at`.
    pub keys: Vec<String>,
    /// The time column that slots, retention and pruning use.
    pub time: Option<String>,
    /// Rows are sorted by these columns inside a file.
    pub sort: Vec<String>,
    /// How rows come and go.
    pub kind: TableKind,
    /// How long rows stay.
    pub keep: Keep,
}

impl TableDef {
    /// The Arrow schema, partition columns included.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(Column::field).collect::<Vec<_>>()))
    }

    /// The definition with more nullable columns at its end (channels of `kpis`, encodings of
    /// `features_<task>`); a name that exists already is left alone.
    #[must_use]
    pub fn with_columns(mut self, more: impl IntoIterator<Item = Column>) -> Self {
        for column in more {
            if !self.columns.iter().any(|have| have.name == column.name) {
                self.columns.push(column);
            }
        }
        self
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether the table is partitioned by the UTC `date` of its time column.
    pub fn is_partitioned(&self) -> bool {
        self.column("date").is_some()
    }
}
