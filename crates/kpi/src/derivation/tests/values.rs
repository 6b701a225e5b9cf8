//! Values against tables computed by hand.

use super::fixture::*;
use crate::{HOUR, quality};

const DU: &str = "GNBDUFunction=1,NRCellDU=1";
const CU: &str = "GNBCUCPFunction=1,NRCellCU=1";
const CELL: &str = "north/N001/1/n78";

fn one_cell() -> Network {
    Network::new(&[(DU, "cell", CELL), (CU, "cell", CELL)])
}

#[test]
fn an_hour_by_hand() {
    let du = [
        // used, available, user throughput kbit/s, active users, delay 0.1 ms twice
        (100.0, 200.0, 10_000.0, 1.0, 50.0, 10.0),
        (150.0, 200.0, 20_000.0, 3.0, 70.0, 10.0),
        (0.0, 0.0, 5_000.0, 0.0, 90.0, 10.0),
        (50.0, 250.0, 40_000.0, 4.0, 30.0, 10.0),
    ];
    let cu = [
        // RRC attempts, successes, drops, session seconds, volume Mbit, users, unavailable s
        (10.0, 9.0, 1.0, 1_000.0, 8_000.0, 5.0, 0.0),
        (90.0, 90.0, 0.0, 2_000.0, 16_000.0, 7.0, 0.0),
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 900.0),
        (100.0, 91.0, 3.0, 1_000.0, 8_000.0, 8.0, 90.0),
    ];
    let mut rows = Vec::new();
    for (quarter, (du, cu)) in (0..).zip(du.iter().zip(cu.iter())) {
        rows.push(counters(
            DU,
            quarter,
            &[
                ("RRU.PrbUsedDl", du.0),
                ("RRU.PrbAvailDl", du.1),
                ("DRB.UEThpDl", du.2),
                ("DRB.MeanActiveUeDl", du.3),
                ("DRB.RlcSduDelayDl", du.4),
                ("DRB.AirIfDelayDl", du.5),
            ],
        ));
        rows.push(counters(
            CU,
            quarter,
            &[
                ("RRC.ConnEstabAtt.Sum", cu.0),
                ("RRC.ConnEstabSucc.Sum", cu.1),
                ("DRB.RelActNbr", cu.2),
                ("DRB.SessionTime", cu.3),
                ("DRB.PdcpSduVolumeDL", cu.4),
                ("RRC.ConnMean", cu.5),
                ("RRU.CellUnavailableTime", cu.6),
            ],
        ));
    }
    let out = one_cell().hour(&rows);
    let hour = |channel| out.hourly(CELL, 0, channel);
    close(hour("rrc_setup_sr"), 95.0); // 190 of 200; the mean of the ratios would be 93.67
    close(hour("drb_retainability"), 4.0 / 4_000.0);
    close(hour("prb_util_dl"), 100.0 * 300.0 / 650.0);
    close(hour("ue_thp_dl"), (10.0 + 60.0 + 160.0) / 8.0);
    // Weighted by 8, 16, 0 and 8 Gbit: (6·1 + 8·2 + 4·1) / 4 ms.
    close(hour("latency_dl"), 6.5);
    close(hour("traffic_dl_gb"), 4.0);
    close(hour("users_mean"), 5.0);
    close(hour("availability"), 100.0 * (3600.0 - 990.0) / 3600.0);
    assert_eq!(hour("accessibility"), None, "two of three factors are missing");
    assert_eq!(hour("power_w"), None);
    assert_eq!(out.bits(CELL, 0), 0);
    let third = out.find(CELL, T0 + 2 * QUARTER, 900);
    assert_eq!(third.1.get("rrc_setup_sr"), None, "no attempts, no ratio");
    close(third.1.get("traffic_dl_gb").copied(), 0.0);
}

#[test]
fn products_multiply_rates_that_were_aggregated_apart() {
    let row = |quarter, ho: [f64; 4]| {
        counters(
            CU,
            quarter,
            &[
                ("MM.HoPrepInterReq", ho[0]),
                ("MM.HoPrepInterSucc", ho[1]),
                ("MM.HoExeInterReq", ho[2]),
                ("MM.HoExeInterSucc", ho[3]),
            ],
        )
    };
    let rows = [row(0, [10.0, 8.0, 8.0, 8.0]), row(1, [30.0, 24.0, 24.0, 16.0])];
    let out = one_cell().hour(&rows);
    close(out.hourly(CELL, 0, "ho_success_inter"), 100.0 * (32.0 / 40.0) * (24.0 / 32.0));
}

#[test]
fn gaps_are_null_and_flagged() {
    let attempts = [("RRC.ConnEstabAtt", 4.0), ("RRC.ConnEstabSucc", 4.0)];
    let rows = [counters(CU, 0, &attempts), counters(CU, 5, &attempts)];
    let network = one_cell();
    let out = Rows::new(&network.derive(&rows, (T0, T0 + 3 * HOUR), T0 + 9 * HOUR).0);
    assert_eq!(out.bits(CELL, 0), quality::PARTLY);
    close(out.hourly(CELL, 0, "rrc_setup_sr"), 100.0);
    let (bits, channels) = out.find(CELL, T0 + QUARTER, 900);
    assert_eq!((*bits, channels.len()), (quality::MISSING, 0));
    assert_eq!(out.bits(CELL, 2), quality::MISSING);
    let native = out.0.keys().filter(|key| key.3 == 900).count();
    assert_eq!(native, 8, "four periods of each hour that was measured");
}

#[test]
fn an_hour_is_no_gap_before_its_lateness_has_passed() {
    let network = one_cell();
    let out = |as_of| Rows::new(&network.derive(&[], (T0, T0 + HOUR), as_of).0);
    assert!(out(T0 + HOUR + LATENESS - 1).0.is_empty());
    assert_eq!(out(T0 + HOUR + LATENESS).bits(CELL, 0), quality::MISSING);
}

#[test]
fn null_is_not_zero_and_odd_values_are_left_out() {
    let mut rows: Vec<_> = (0..4)
        .map(|quarter| {
            counters(CU, quarter, &[("RRC.ConnMean", 6.0), ("RRC.ConnEstabAtt", 1.0), ("pmX", 1.0)])
        })
        .collect();
    rows[1].values[0].1 = None;
    rows[2].values[0].1 = Some(-3.0);
    rows[3].suspect = true;
    let (derived, counts) = one_cell().derive(&rows, (T0, T0 + HOUR), T0 + 9 * HOUR);
    let out = Rows::new(&derived);
    close(out.hourly(CELL, 0, "users_mean"), 6.0);
    assert_eq!(out.bits(CELL, 0), quality::OUT_OF_RANGE | quality::SUSPECT);
    assert_eq!(counts.unknown_counters["pmX"], 4);
    assert_eq!(counts.out_of_range["RRC.ConnMean"], 1);
    assert_eq!((counts.rows, counts.suspect_rows), (4, 1));
}

#[test]
fn a_parent_is_not_added_to_its_children() {
    let child = |n: u32| format!("{CU},NRCellRelation={n}");
    let mut network = one_cell();
    network.objects.push((format!("{CU},*"), "cell".into(), CELL.into(), 0, None, 0));
    let prep = |succ| {
        [
            ("MM.HoPrepInterReq", 10.0),
            ("MM.HoPrepInterSucc", succ),
            ("MM.HoExeInterReq", 1.0),
            ("MM.HoExeInterSucc", 1.0),
        ]
    };
    let children = [counters(&child(1), 0, &prep(5.0)), counters(&child(2), 0, &prep(9.0))];
    close(network.hour(&children).hourly(CELL, 0, "ho_success_inter"), 70.0);
    let mut with_parent = children.to_vec();
    with_parent.push(counters(CU, 0, &prep(8.0)));
    close(network.hour(&with_parent).hourly(CELL, 0, "ho_success_inter"), 80.0);
}

#[test]
fn a_blank_under_another_job_takes_nothing_away() {
    let mut network = one_cell();
    network.objects.push((format!("{CU},*"), "cell".into(), CELL.into(), 0, None, 0));
    let relation = |n: u32, attempts: f64| {
        let values = [("RRC.ConnEstabAtt", attempts), ("RRC.ConnEstabSucc", 4.0)];
        counters(&format!("{CU},NRCellRelation={n}"), 0, &values)
    };
    let mut blank = relation(2, 0.0);
    blank.values.iter_mut().for_each(|(_, value)| *value = None);
    // The greater name is read first.
    blank.file = "g".into();
    let rows = [relation(1, 10.0), relation(2, 6.0), blank];
    close(network.hour(&rows).hourly(CELL, 0, "rrc_setup_sr"), 50.0);
}

#[test]
fn an_object_of_nobody_is_counted() {
    let row = counters("SctpAssociation=1", 0, &[("RRC.ConnMean", 1.0)]);
    let (_, counts) = one_cell().derive(&[row], (T0, T0 + HOUR), T0 + 9 * HOUR);
    assert_eq!(counts.unmapped_rows, 1);
    assert!(counts.unmapped_objects.contains("NE=1,SctpAssociation=1"));
}

#[test]
fn renamed_and_rescaled_counters_continue_over_an_upgrade() {
    let mut network = one_cell();
    network.vendor = "Fernfunk";
    network.objects.push((String::new(), "site".into(), "north/N001".into(), 0, None, 0));
    let before = |quarter| {
        let cell =
            [("DRB.PdcpSduVolumeDL", 8_000.0), ("DRB.RelActNbr", 1.0), ("DRB.RelNormNbr", 9.0)];
        let site = [("PEE.AvgTemperature", 25.5), ("PEE.Voltage", 53.5)];
        [counters(CU, quarter, &cell), counters("", quarter, &site)]
    };
    let after = |quarter| {
        let cell = [("DRB.PdcpSduVolumeDL", 8e6), ("DRB.RelActNbr", 1.0), ("VS.DrbRelNormal", 9.0)];
        let site = [("VS.CabinetTemp", 255.0), ("VS.SupplyVoltage", 53_500.0)];
        [counters(CU, quarter, &cell), counters("", quarter, &site)]
    };
    let mut rows = [before(0), before(1), after(2), after(3)].concat();
    for row in &mut rows {
        // The file of the hour of the upgrade names the new release for all its periods.
        row.software = "FRAN 25.1".into();
    }
    let (derived, counts) = network.derive(&rows, (T0, T0 + HOUR), T0 + 9 * HOUR);
    let out = Rows::new(&derived);
    for start in (0..4).map(|quarter| T0 + quarter * QUARTER) {
        close(out.find(CELL, start, 900).1.get("traffic_dl_gb").copied(), 1.0);
        close(out.find(CELL, start, 900).1.get("drop_rate").copied(), 10.0);
        close(out.find("site:north/N001", start, 900).1.get("temperature_c").copied(), 25.5);
        close(out.find("site:north/N001", start, 900).1.get("voltage_v").copied(), 53.5);
    }
    assert!(counts.unknown_counters.is_empty());
}

#[test]
fn two_granularities_of_one_time_are_not_added() {
    let volume = [("DRB.PdcpSduVolumeDL", 8_000.0)];
    let mut rows: Vec<_> = (0..4).map(|quarter| counters(CU, quarter, &volume)).collect();
    rows.push(counters(CU, 0, &[("DRB.PdcpSduVolumeDL", 2_000.0)]));
    rows[4].granularity_s = 300;
    let out = one_cell().hour(&rows);
    close(out.hourly(CELL, 0, "traffic_dl_gb"), 4.0);
    assert_eq!(out.bits(CELL, 0), 0);
}

#[test]
fn one_counter_under_two_jobs_counts_once() {
    let rows = [
        counters(CU, 0, &[("DRB.PdcpSduVolumeDL", 8_000.0), ("RRC.ConnMean", 1.0)]),
        counters(CU, 0, &[("DRB.PdcpSduVolumeDL", 8_000.0)]),
    ];
    close(one_cell().hour(&rows).hourly(CELL, 0, "traffic_dl_gb"), 1.0);
}
