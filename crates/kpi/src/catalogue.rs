//! The counter and KPI catalogue, read from `catalog/*.toml` at first use.

mod counter;
mod dialect;
mod expression;
mod kpi;
mod pattern;

use std::collections::HashMap;
use std::sync::LazyLock;

use foresite_schema::{Column, DataKind};

pub use counter::{Combine, Counter, CounterKind};
pub use dialect::{Dialect, Translation};
pub use expression::Terms;
pub use kpi::{Aggregation, Formula, Kpi, Level, Operand, Sum};

use crate::error::{KpiError, Result};

/// Counters, dialects and KPIs that hold together.
#[derive(Debug)]
pub struct Catalogue {
    counters: Vec<Counter>,
    by_name: HashMap<String, usize>,
    dialects: Vec<Dialect>,
    kpis: Vec<Kpi>,
}

static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
    let parsed = Catalogue::parse(
        include_str!("../catalog/counters.toml"),
        include_str!("../catalog/dialects.toml"),
        include_str!("../catalog/kpis.toml"),
    );
    #[allow(clippy::expect_used)]
    // unwrap safety: the text is part of the binary and `the_built_in_catalogue_holds` parses it.
    parsed.expect("the built-in catalogue parses")
});

impl Catalogue {
    /// The catalogue that Foresite brings along.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// A catalogue from the text of its three files.
    ///
    /// **Errors** when a file has another shape, a name is defined twice, or a formula names a
    /// counter or KPI that does not exist.
    pub fn parse(counters: &str, dialects: &str, kpis: &str) -> Result<Self> {
        let counters = counter::parse(counters)?;
        let mut by_name = HashMap::new();
        for (index, counter) in counters.iter().enumerate() {
            if by_name.insert(counter.name.to_ascii_lowercase(), index).is_some() {
                return Err(KpiError::entry(&counter.name, "defined twice"));
            }
        }
        let dialects = dialect::parse(dialects, &by_name)?;
        let kpis = kpi::parse(kpis, &by_name)?;
        Ok(Self { counters, by_name, dialects, kpis })
    }

    /// All counters; their position is their slot.
    pub fn counters(&self) -> &[Counter] {
        &self.counters
    }

    /// The slot of a counter by its canonical name in any case.
    pub fn counter_slot(&self, name: &str) -> Option<usize> {
        self.by_name.get(&name.to_ascii_lowercase()).copied()
    }

    /// The dialects that hold for a vendor and software release, in order of preference.
    pub fn dialects_of<'a>(
        &'a self,
        vendor: &'a str,
        software: &'a str,
    ) -> impl Iterator<Item = &'a Dialect> + 'a {
        self.dialects.iter().filter(move |dialect| dialect.speaks(vendor, software))
    }

    /// All KPIs, hidden factors included, in the order of the columns.
    pub fn kpis(&self) -> &[Kpi] {
        &self.kpis
    }

    /// The KPIs that are channels, with their position among all.
    pub fn channels(&self) -> impl Iterator<Item = (usize, &Kpi)> {
        self.kpis.iter().enumerate().filter(|(_, kpi)| !kpi.hidden)
    }

    /// The channels as columns of `kpis` and `kpi_groups`.
    pub fn columns(&self) -> Vec<Column> {
        let column = |kpi: &Kpi| {
            let meaning = format!("{} ({})", kpi.meaning, kpi.clause);
            Column::nullable(&kpi.name, DataKind::Double, &kpi.unit, &meaning)
        };
        self.channels().map(|(_, kpi)| column(kpi)).collect()
    }
}

/// The channels of the built-in catalogue as columns of `kpis` and `kpi_groups`.
pub fn channels() -> Vec<Column> {
    Catalogue::built_in().columns()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTER: &str =
        r#"counters = [{ name = "A.B", clause = "x", unit = "count", kind = "CC" }]"#;

    fn kpi(formula: &str) -> String {
        format!(
            r#"kpis = [{{ name = "k", unit = "", level = "cell", time = "sum", members = "sum", clause = "x", meaning = "m", formulas = [{{ num = "{formula}" }}] }}]"#
        )
    }

    #[test]
    fn the_built_in_catalogue_holds() {
        let names: Vec<_> = channels().into_iter().map(|column| column.name).collect();
        assert_eq!(
            names.join(" "),
            "rrc_setup_sr ng_sig_sr drb_setup_sr accessibility drb_retainability drop_rate \
             ue_thp_dl ue_thp_ul latency_dl prb_util_dl prb_util_ul peak_prb_util_dl bler_dl \
             traffic_dl_gb traffic_ul_gb users_mean users_max rach_att ho_success_inter \
             availability power_w energy_kwh temperature_c voltage_v rx_power_dbm"
        );
    }

    #[test]
    fn names_are_found_in_any_case() {
        let catalogue = Catalogue::built_in();
        assert_eq!(
            catalogue.counter_slot("drb.pdcpsduvolumedl"),
            catalogue.counter_slot("DRB.PdcpSduVolumeDL"),
        );
        assert!(catalogue.counter_slot("DRB.Unheard").is_none());
    }

    #[test]
    fn a_formula_must_name_counters_that_exist() {
        let error = Catalogue::parse(COUNTER, "dialect = []", &kpi("A.B + A.C"));
        assert_eq!(
            error.map(|_| ()).unwrap_err().to_string(),
            "catalogue entry `k`: unknown counter `A.C`"
        );
        assert!(Catalogue::parse(COUNTER, "dialect = []", &kpi("2 * a.b - A.B")).is_ok());
    }

    #[test]
    fn a_syntax_error_names_the_file() {
        let error = Catalogue::parse("counters = [{ nam = 1 }]", "", "").map(|_| ());
        assert!(error.unwrap_err().to_string().contains("`counters.toml`"));
    }
}
