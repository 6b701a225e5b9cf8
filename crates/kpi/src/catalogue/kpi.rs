//! KPI definitions: `catalog/kpis.toml`.

use std::collections::HashMap;

use serde::Deserialize;

use super::expression::Terms;
use crate::error::{KpiError, Result};

/// Which entities have the KPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Cells and sectors.
    Cell,
    /// Sites, units and links.
    Element,
}

/// How values combine over time or over members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aggregation {
    /// Σ numerator / Σ denominator.
    Ratio,
    /// Σ value · weight / Σ weight.
    Mean,
    /// Σ value.
    Sum,
    /// The greatest value.
    Max,
}

/// What a term of a formula stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operand {
    /// A counter, by slot.
    Counter(usize),
    /// The length of the period in seconds.
    Period,
    /// One, for plain numbers.
    One,
}

/// A sum of factor · operand.
pub type Sum = Vec<(f64, Operand)>;

/// One way to compute a KPI.
#[derive(Debug, Clone)]
pub struct Formula {
    /// Numerator, or the value itself.
    pub num: Sum,
    /// Denominator.
    pub den: Option<Sum>,
    /// Weight of the value in a mean.
    pub weight: Option<Sum>,
}

/// A KPI.
#[derive(Debug, Clone)]
pub struct Kpi {
    /// Column name.
    pub name: String,
    /// Unit of the result.
    pub unit: String,
    /// What it says.
    pub meaning: String,
    /// Where it is defined.
    pub clause: String,
    /// Which entities have it.
    pub level: Level,
    /// How the periods of an hour combine.
    pub time: Aggregation,
    /// How the members of a group combine.
    pub members: Aggregation,
    /// Factor of the result.
    pub scale: f64,
    /// A factor of a product, not a column.
    pub hidden: bool,
    /// Formulas in order of preference; empty for a product.
    pub formulas: Vec<Formula>,
    /// Positions of the KPIs that this one is the product of.
    pub product: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kpis: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    unit: String,
    meaning: String,
    clause: String,
    level: Level,
    time: Aggregation,
    members: Aggregation,
    #[serde(default = "one")]
    scale: f64,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    formulas: Vec<FormulaEntry>,
    #[serde(default)]
    product: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FormulaEntry {
    num: String,
    den: Option<String>,
    weight: Option<String>,
}

fn one() -> f64 {
    1.0
}

pub(super) fn parse(text: &str, counters: &HashMap<String, usize>) -> Result<Vec<Kpi>> {
    let file: File = toml::from_str(text)
        .map_err(|error| KpiError::Syntax { file: "kpis.toml", reason: error.to_string() })?;
    let mut kpis: Vec<Kpi> = Vec::with_capacity(file.kpis.len());
    for entry in file.kpis {
        let kpi = resolve(entry, &kpis, counters)?;
        if kpis.iter().any(|have| have.name == kpi.name) {
            return Err(KpiError::entry(&kpi.name, "defined twice"));
        }
        kpis.push(kpi);
    }
    Ok(kpis)
}

/// Checks an entry and replaces names by positions; factors must stand before their product.
fn resolve(entry: Entry, before: &[Kpi], counters: &HashMap<String, usize>) -> Result<Kpi> {
    let refuse = |reason: String| Err(KpiError::entry(&entry.name, reason));
    if entry.formulas.is_empty() == entry.product.is_empty() {
        return refuse("needs either `formulas` or `product`".into());
    }
    let mut product = Vec::new();
    for factor in &entry.product {
        match before.iter().position(|kpi| &kpi.name == factor) {
            Some(position) if before[position].product.is_empty() => product.push(position),
            _ => {
                return refuse(format!("no KPI with formulas before it is named `{factor}`"));
            }
        }
    }
    let mut formulas = Vec::new();
    for formula in &entry.formulas {
        let shape = (formula.den.is_some(), formula.weight.is_some());
        let fits = match entry.time {
            Aggregation::Ratio => shape == (true, false),
            Aggregation::Mean => shape.1,
            Aggregation::Sum | Aggregation::Max => !shape.1,
        };
        if !fits {
            return refuse("a ratio has `den`, a mean has `weight`, sum and max have none".into());
        }
        let sum = |text: &str| operands(&entry.name, text, counters);
        formulas.push(Formula {
            num: sum(&formula.num)?,
            den: formula.den.as_deref().map(sum).transpose()?,
            weight: formula.weight.as_deref().map(sum).transpose()?,
        });
    }
    Ok(Kpi {
        name: entry.name,
        unit: entry.unit,
        meaning: entry.meaning,
        clause: entry.clause,
        level: entry.level,
        time: entry.time,
        members: entry.members,
        scale: entry.scale,
        hidden: entry.hidden,
        formulas,
        product,
    })
}

fn operands(kpi: &str, text: &str, counters: &HashMap<String, usize>) -> Result<Sum> {
    let operand = |name: Option<String>| match name.as_deref() {
        None => Ok(Operand::One),
        Some("period_s") => Ok(Operand::Period),
        Some(name) => counters
            .get(&name.to_ascii_lowercase())
            .map(|slot| Operand::Counter(*slot))
            .ok_or_else(|| KpiError::entry(kpi, format!("unknown counter `{name}`"))),
    };
    Terms::parse(kpi, text)?
        .0
        .into_iter()
        .map(|(factor, name)| Ok((factor, operand(name)?)))
        .collect()
}
