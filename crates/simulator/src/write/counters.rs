//! Names, decimals and units of the counters in the files, before and after the software upgrade.
//!
//! The first release uses 3GPP names and units throughout. The second renames the vendor counters,
//! counts equipment in finer units and, under the same name, volume in kbit instead of Mbit: what
//! readers of counters have to survive.

use crate::equipment::SiteCounters;
use crate::radio::CellCounters;

/// vendorName in the files and in the inventory.
pub const VENDOR: &str = "Fernfunk";
/// swVersion before the upgrade.
pub(super) const OLD_RELEASE: &str = "FRAN 24.4";
/// swVersion after it.
pub(super) const NEW_RELEASE: &str = "FRAN 25.1";

/// One counter of a class.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counter {
    name: &'static str,
    decimals: u32,
    later: Option<Later>,
}

/// What the new release makes of a counter.
#[derive(Debug, Clone, Copy)]
struct Later {
    name: &'static str,
    /// Factor to the new unit, a power of ten.
    factor: f64,
    decimals: u32,
}

impl Counter {
    /// Name in a release.
    pub(super) fn name(&self, upgraded: bool) -> &'static str {
        self.later.filter(|_| upgraded).map_or(self.name, |later| later.name)
    }

    /// Factor and decimals in a release.
    pub(super) fn form(&self, upgraded: bool) -> (f64, u32) {
        let later = self.later.filter(|_| upgraded);
        later.map_or((1.0, self.decimals), |later| (later.factor, later.decimals))
    }
}

const fn counter(name: &'static str, decimals: u32) -> Counter {
    Counter { name, decimals, later: None }
}

const fn renamed(name: &'static str, decimals: u32, later: &'static str, factor: f64) -> Counter {
    let later = Some(Later { name: later, factor, decimals: 0 });
    Counter { name, decimals, later }
}

/// Counters of NRCellDU, in the order of [`du_values`]; the channel quality histogram follows.
pub(super) const DU: &[Counter] = &[
    counter("RRU.PrbUsedDl", 2),
    counter("RRU.PrbAvailDl", 0),
    counter("RRU.MaxPrbUsedDl", 0),
    counter("RRU.PrbTotDl", 0),
    counter("RRU.PrbUsedUl", 2),
    counter("RRU.PrbAvailUl", 0),
    counter("RRU.PrbTotUl", 0),
    counter("DRB.UEThpDl", 0),
    counter("DRB.UEThpUl", 0),
    counter("DRB.MeanActiveUeDl", 2),
    counter("DRB.MeanActiveUeUl", 2),
    counter("DRB.AirIfDelayDl", 0),
    counter("DRB.RlcSduDelayDl", 0),
    counter("TB.TotNbrDl", 0),
    counter("TB.ErrTotalNbrDl", 0),
    counter("RACH.PreambleACell", 0),
    counter("RACH.PreambleDedCell", 0),
    renamed("RRU.CellUnavailableTime.Fault", 0, "VS.CellDowntime.Auto", 1.0),
    renamed("RRU.CellUnavailableTime.ManualIntervention", 0, "VS.CellDowntime.Man", 1.0),
];
/// The list-valued counter of NRCellDU.
pub(super) const CQI: &str = "CARR.WBCQIDist";

/// Values of [`DU`]; none is written as a blank.
pub(super) fn du_values(cell: &CellCounters) -> [Option<f64>; 19] {
    let percent =
        |used: f64, available: f64| (available > 0.0).then(|| (100.0 * used / available).floor());
    let [used, available, highest] = cell.prb_dl;
    let [used_ul, available_ul] = cell.prb_ul;
    [
        Some(used),
        Some(available),
        Some(highest),
        percent(used, available),
        Some(used_ul),
        Some(available_ul),
        percent(used_ul, available_ul),
        cell.throughput_kbps.map(|rates| rates[0]),
        cell.throughput_kbps.map(|rates| rates[1]),
        Some(cell.active_users[0]),
        Some(cell.active_users[1]),
        cell.delay.map(|delay| delay[0]),
        cell.delay.map(|delay| delay[1]),
        Some(cell.blocks[0]),
        Some(cell.blocks[1]),
        Some(cell.preambles[0]),
        Some(cell.preambles[1]),
        Some(cell.unavailable_s[0]),
        Some(cell.unavailable_s[1]),
    ]
}

/// Reports of each channel quality index 0 to 15: a bell around the mean, one report a hundred
/// transport blocks.
pub(super) fn cqi_histogram(cell: &CellCounters) -> [f64; 16] {
    let bell = |index: usize| (-(index as f64 - cell.mean_cqi).powi(2) / 9.7).exp();
    let weights: [f64; 16] = std::array::from_fn(bell);
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| (cell.blocks[0] / 100.0 * weight / sum).round())
}

/// Counters of NRCellCU, in the order of [`cu_values`].
pub(super) const CU: &[Counter] = &[
    counter("RRC.ConnEstabAtt.mo-Data", 0),
    counter("RRC.ConnEstabAtt.mt-Access", 0),
    counter("RRC.ConnEstabAtt.mo-Signalling", 0),
    counter("RRC.ConnEstabSucc.mo-Data", 0),
    counter("RRC.ConnEstabSucc.mt-Access", 0),
    counter("RRC.ConnEstabSucc.mo-Signalling", 0),
    counter("UECNTX.ConnEstabAtt.mo-Data", 0),
    counter("UECNTX.ConnEstabAtt.mt-Access", 0),
    counter("UECNTX.ConnEstabSucc.mo-Data", 0),
    counter("UECNTX.ConnEstabSucc.mt-Access", 0),
    counter("DRB.EstabAtt", 0),
    counter("DRB.EstabSucc", 0),
    counter("DRB.RelActNbr", 0),
    renamed("DRB.RelNormNbr", 0, "VS.DrbRelNormal", 1.0),
    counter("DRB.SessionTime", 0),
    counter("RRC.ConnMean", 2),
    counter("RRC.ConnMax", 0),
    renamed("DRB.PdcpSduVolumeDL", 0, "DRB.PdcpSduVolumeDL", 1000.0),
    renamed("DRB.PdcpSduVolumeUL", 0, "DRB.PdcpSduVolumeUL", 1000.0),
    counter("MM.HoPrepInterReq", 0),
    counter("MM.HoPrepInterSucc", 0),
    counter("MM.HoExeInterReq", 0),
    counter("MM.HoExeInterSucc", 0),
    counter("MM.HoExeIntraReq", 0),
    counter("MM.HoExeIntraSucc", 0),
];

/// Values of [`CU`].
pub(super) fn cu_values(cell: &CellCounters) -> [f64; 25] {
    let [prepared, executed, intra] = cell.handover;
    [
        cell.rrc[0].attempts,
        cell.rrc[1].attempts,
        cell.rrc[2].attempts,
        cell.rrc[0].successes,
        cell.rrc[1].successes,
        cell.rrc[2].successes,
        cell.context[0].attempts,
        cell.context[1].attempts,
        cell.context[0].successes,
        cell.context[1].successes,
        cell.bearer.attempts,
        cell.bearer.successes,
        cell.releases[0],
        cell.releases[1],
        cell.session_s,
        cell.users[0],
        cell.users[1],
        cell.volume_mbit[0],
        cell.volume_mbit[1],
        prepared.attempts,
        prepared.successes,
        executed.attempts,
        executed.successes,
        intra.attempts,
        intra.successes,
    ]
}

/// Counters of ManagedElement, in the order of [`element_values`].
pub(super) const ELEMENT: &[Counter] = &[
    counter("PEE.AvgPower", 1),
    counter("PEE.MinPower", 1),
    counter("PEE.MaxPower", 1),
    counter("PEE.Energy", 3),
    renamed("PEE.AvgTemperature", 1, "VS.CabinetTemp", 10.0),
    renamed("PEE.Voltage", 2, "VS.SupplyVoltage", 1000.0),
    renamed("OPT.RxPower", 1, "VS.SfpRxPower", 10.0),
    renamed("OPT.FrameErrors", 0, "VS.SfpFrameErrors", 1.0),
];

/// Values of [`ELEMENT`].
pub(super) fn element_values(site: &SiteCounters) -> [f64; 8] {
    [
        site.power_w[0],
        site.power_w[1],
        site.power_w[2],
        site.energy_kwh,
        site.temperature_c,
        site.voltage_v,
        site.rx_power_dbm,
        site.frame_errors,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_as_many() {
        assert_eq!(DU.len(), du_values(&CellCounters::default()).len());
        assert_eq!(CU.len(), cu_values(&CellCounters::default()).len());
        assert_eq!(ELEMENT.len(), element_values(&SiteCounters::default()).len());
    }
}
