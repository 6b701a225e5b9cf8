//! The alarms that exist, as the vendor names and classifies them.

use crate::faults::Unit;

/// A kind of alarm, in the words of X.733.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlarmKind {
    /// Event type.
    pub alarm_type: &'static str,
    /// Probable cause.
    pub probable_cause: &'static str,
    /// The vendor's name.
    pub specific_problem: &'static str,
    /// Perceived severity.
    pub severity: &'static str,
}

const fn kind(
    alarm_type: &'static str,
    probable_cause: &'static str,
    specific_problem: &'static str,
    severity: &'static str,
) -> AlarmKind {
    AlarmKind { alarm_type, probable_cause, specific_problem, severity }
}

pub(super) const MAINS: AlarmKind = kind("Environmental", "powerProblem", "Mains Failure", "MAJOR");
pub(super) const RECTIFIER: AlarmKind =
    kind("Equipment", "rectifierFailure", "Rectifier Module Failure", "MAJOR");
pub(super) const BATTERY_LOW: AlarmKind =
    kind("Environmental", "batteryDischarging", "Battery Voltage Low", "CRITICAL");
pub(super) const HEARTBEAT: AlarmKind =
    kind("Communications", "lossOfSignal", "NE Heartbeat Lost", "CRITICAL");
pub(super) const HOT: AlarmKind =
    kind("Environmental", "temperatureUnacceptable", "Thermal Shutdown", "CRITICAL");
pub(super) const BASEBAND: AlarmKind =
    kind("Equipment", "processorProblem", "Baseband Unit Failure", "CRITICAL");
pub(super) const RADIO: AlarmKind =
    kind("Equipment", "transmitterFailure", "Radio Unit Failure", "CRITICAL");
pub(super) const LINK: AlarmKind =
    kind("Communications", "linkFailure", "Optical Link Down", "CRITICAL");
pub(super) const CELL: AlarmKind =
    kind("QualityOfService", "underlyingResourceUnavailable", "Cell Unavailable", "MAJOR");
pub(super) const RELATION: AlarmKind =
    kind("Communications", "communicationsSubsystemFailure", "Xn Link Failure", "MINOR");
pub(super) const SIGNALLING: AlarmKind =
    kind("Communications", "communicationsProtocolError", "NG Link Flapping", "MAJOR");
pub(super) const LOCKED: AlarmKind = kind("Equipment", "outOfService", "Cell Locked", "WARNING");
pub(super) const FRAMES: AlarmKind =
    kind("Communications", "degradedSignal", "Frame Error Rate High", "WARNING");

/// Alarms that come and go without meaning; some look like those of a deterioration.
pub(super) const IDLE: [AlarmKind; 7] = [
    kind("Environmental", "enclosureDoorOpen", "Cabinet Door Open", "WARNING"),
    kind("ProcessingError", "timingProblem", "Clock Deviation", "MINOR"),
    kind("ProcessingError", "softwareError", "Licence Threshold Reached", "WARNING"),
    kind("QualityOfService", "thresholdCrossed", "CPU Load High", "MINOR"),
    minor(Unit::Fan),
    minor(Unit::Radio(1)),
    minor(Unit::Backhaul),
];

/// The alarm of a unit whose deterioration passed a threshold.
pub(super) const fn minor(unit: Unit) -> AlarmKind {
    match unit {
        Unit::Battery => kind("Environmental", "batteryFailing", "Battery Capacity Low", "MINOR"),
        Unit::Rectifier => kind("Equipment", "powerProblem", "Rectifier Output Deviation", "MINOR"),
        Unit::Fan => kind("Environmental", "coolingFanFailure", "Fan Speed Deviation", "MINOR"),
        Unit::Baseband => {
            kind("ProcessingError", "outOfMemory", "Memory Utilisation High", "MINOR")
        }
        Unit::Radio(_) => kind("Equipment", "degradedSignal", "VSWR Above Threshold", "MINOR"),
        Unit::Backhaul => {
            kind("Communications", "degradedSignal", "Optical Receive Power Low", "MINOR")
        }
    }
}
