//! What a running process has used, as the system tells it: for measurements.

/// Seconds of processor that a process has used.
///
/// # Panics
/// When there is no such process.
#[must_use]
pub fn processor(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the name, which may hold anything: state is the first field, utime the twelfth, stime the thirteenth.
    let ticks = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>()
        / f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).unwrap())
}

/// Resident memory of a process besides page cache, MiB.
///
/// # Panics
/// When there is no such process.
#[must_use]
pub fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let kib = |name: &str| -> f64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (kib("VmRSS:") - kib("RssFile:")) / 1_024.0
}
