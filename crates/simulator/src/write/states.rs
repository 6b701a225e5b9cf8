//! The shape of inventory, topology and object files.

use super::csv::{optional_stamp, stamp};
use crate::calendar::Micros;

/// The three files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// Entities.
    Inventory,
    /// Edges.
    Topology,
    /// Measured objects.
    Objects,
}

impl Table {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Inventory, Self::Topology, Self::Objects];

    /// First part of the file name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Topology => "topology",
            Self::Objects => "objects",
        }
    }

    /// Header of the file.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Inventory => {
                "entity_type,entity_id,parent_id,name,latitude,longitude,azimuth,technology,band,\
                 bandwidth_mhz,prb_count,vendor,hardware,software,commissioned_at,time_zone,\
                 holiday_calendar,valid_from,valid_to,recorded_at"
            }
            Self::Topology => "a_id,b_id,kind,valid_from,valid_to,recorded_at",
            Self::Objects => {
                "ne_dn,ldn,mo_class,entity_type,entity_id,valid_from,valid_to,recorded_at"
            }
        }
    }
}

/// An entity in the inventory.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    pub(super) entity_type: &'static str,
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) name: String,
    pub(super) position: Option<[f64; 2]>,
    pub(super) azimuth: String,
    /// Technology, band, bandwidth, resource blocks.
    pub(super) radio: [String; 4],
    /// Vendor, hardware, software.
    pub(super) product: [String; 3],
    pub(super) commissioned_at: Option<Micros>,
    /// Time zone, holiday calendar.
    pub(super) zone: [String; 2],
}

impl Row {
    /// A state of an entity below `parent`, named by the last part of its identifier.
    pub(super) fn new(entity_type: &'static str, id: &str, parent: &str) -> Self {
        let name = id.rsplit('/').next().unwrap_or(id).to_owned();
        Self { entity_type, id: id.into(), parent: parent.into(), name, ..Self::default() }
    }

    /// The fields of a row, without the time of recording.
    pub(super) fn fields(self, from: Micros, to: Option<Micros>) -> Vec<String> {
        let [latitude, longitude] = self
            .position
            .map_or([String::new(), String::new()], |at| at.map(|degrees| degrees.to_string()));
        let mut fields = vec![self.entity_type.into(), self.id, self.parent, self.name];
        fields.extend([latitude, longitude, self.azimuth]);
        fields.extend(self.radio);
        fields.extend(self.product);
        fields.push(optional_stamp(self.commissioned_at));
        fields.extend(self.zone);
        fields.extend([stamp(from), optional_stamp(to)]);
        fields
    }
}
