//! Coverage per module and in total.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::exclusions::Exclusion;
use super::points::{Kind, Point, Points};

/// Points reached of points there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Reached.
    pub covered: usize,
    /// All, without the excluded ones.
    pub points: usize,
}

impl Counts {
    /// Percent; 100 if there is nothing to reach.
    #[must_use]
    pub fn percent(self) -> f64 {
        if self.points == 0 { 100.0 } else { 100.0 * self.covered as f64 / self.points as f64 }
    }

    const fn add(&mut self, covered: bool) {
        self.points += 1;
        self.covered += covered as usize;
    }
}

/// One module, all its variants together.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ModuleReport {
    /// Lines and branches.
    pub lines: Counts,
    /// Bits.
    pub toggles: Counts,
}

/// What an exclusion took out.
#[derive(Clone, Debug, Serialize)]
pub struct Excluded {
    /// The exclusion.
    #[serde(flatten)]
    pub exclusion: Exclusion,
    /// Points taken out.
    pub points: usize,
    /// Of these, reached all the same: the exclusion is too wide.
    pub reached: usize,
}

/// The whole.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Percent that both totals must reach.
    pub bar: f64,
    /// All modules.
    pub total: ModuleReport,
    /// By name.
    pub modules: BTreeMap<String, ModuleReport>,
    /// What does not count.
    pub excluded: Vec<Excluded>,
    /// What was not reached: module, line, name.
    pub uncovered: Vec<(String, usize, String)>,
}

impl Report {
    /// Counts what was reached. A point belongs to the first exclusion that names it.
    #[must_use]
    pub fn new(points: &Points, exclusions: Vec<Exclusion>, bar: f64) -> Self {
        let excluded = |exclusion| Excluded { exclusion, points: 0, reached: 0 };
        let mut report = Self {
            bar,
            total: ModuleReport::default(),
            modules: BTreeMap::new(),
            excluded: exclusions.into_iter().map(excluded).collect(),
            uncovered: Vec::new(),
        };
        for (point, &count) in &points.0 {
            report.count(point, count >= point.kind.enough());
        }
        report
    }

    fn count(&mut self, point: &Point, covered: bool) {
        if let Some(excluded) = self.excluded.iter_mut().find(|e| e.exclusion.names(point)) {
            excluded.points += 1;
            excluded.reached += usize::from(covered);
            return;
        }
        let module = self.modules.entry(point.module.clone()).or_default();
        for report in [module, &mut self.total] {
            match point.kind {
                Kind::Line => report.lines.add(covered),
                Kind::Toggle => report.toggles.add(covered),
            }
        }
        if !covered {
            self.uncovered.push((point.module.clone(), point.line, point.name.clone()));
        }
    }

    /// What is below the bar, and exclusions that exclude nothing; nothing if all is well.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let totals = [("line", self.total.lines), ("toggle", self.total.toggles)];
        let low = totals.into_iter().filter(|(_, counts)| counts.percent() < self.bar);
        let low = low.map(|(what, counts)| {
            format!("{what} coverage is {:.2} %, the bar is {} %", counts.percent(), self.bar)
        });
        let stale = self.excluded.iter().filter(|e| e.points == 0);
        let stale = stale.map(|e| format!("the exclusion of {} excludes nothing", e.exclusion.module));
        low.chain(stale).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, name: &str, r: &ModuleReport| {
            let (l, t) = (r.lines, r.toggles);
            writeln!(
                f,
                "{name:<18} {:>7.2} {:>6}/{:<6} {:>7.2} {:>6}/{}",
                l.percent(),
                l.covered,
                l.points,
                t.percent(),
                t.covered,
                t.points
            )
        };
        writeln!(f, "{:<18} {:>7} {:<13} {:>7}", "module", "line %", "", "toggle %")?;
        for (name, module) in &self.modules {
            row(f, name, module)?;
        }
        row(f, "total", &self.total)?;
        for e in &self.excluded {
            let what: Vec<_> = e.exclusion.bits.iter().chain(&e.exclusion.lines).cloned().collect();
            write!(f, "excluded, {} points of {}: {}", e.points, e.exclusion.module, what.join(", "))?;
            if e.reached > 0 {
                write!(f, " ({} reached all the same)", e.reached)?;
            }
            writeln!(f, "\n    {}", e.exclusion.reason)?;
        }
        Ok(())
    }
}
