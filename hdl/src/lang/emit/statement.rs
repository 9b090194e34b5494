//! Statements: loops unrolled, split into independent processes, latches and early reads refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use rust_hdl::core::ast::{
    VerilogBlock, VerilogBlockOrConditional as Otherwise, VerilogConditional, VerilogExpression,
    VerilogStatement as S,
};

use super::expression::{Names, Symbol, Term};

type Result<T> = std::result::Result<T, String>;

/// A statement with its loops unrolled and its expressions as text.
#[derive(Debug, Clone)]
pub enum Statement {
    Assign { target: String, verilog: String, value: Term },
    If { test: Term, then: Vec<Statement>, otherwise: Vec<Statement> },
    Case { test: Term, arms: Vec<(String, Vec<Statement>)>, complete: bool },
    Comment(String),
}

/// Statements that must stay together because they assign the same signals.
pub struct Process {
    pub statements: Vec<Statement>,
    pub writes: BTreeSet<String>,
}

pub fn lower(block: &VerilogBlock, names: &mut Names) -> Result<Vec<Statement>> {
    let mut out = Vec::new();
    for statement in block {
        lower_one(statement, names, &mut out)?;
    }
    Ok(out)
}

fn lower_one(statement: &S, names: &mut Names, out: &mut Vec<Statement>) -> Result<()> {
    match statement {
        S::Assignment(VerilogExpression::Signal(target), value) => {
            let target = names.resolve(target)?;
            let (verilog, width) = match names.symbols.get(&target) {
                Some(Symbol::Net { verilog, width }) => (verilog.clone(), *width),
                _ => return Err(format!("no signal is named {target}")),
            };
            let value = names.text(value, Some(width)).map_err(|e| format!("assignment to {target}: {e}"))?;
            out.push(Statement::Assign { target, verilog, value });
        }
        S::If(conditional) => out.push(lower_if(conditional, names)?),
        S::Match(m) => {
            let test = names.text(&m.test, None)?;
            let mut arms = Vec::new();
            for case in &m.cases {
                let label = if case.condition == "default" {
                    "default".to_string()
                } else {
                    let condition = VerilogExpression::Signal(case.condition.clone());
                    names.text(&condition, Some(test.width))?.text
                };
                arms.push((label, lower(&case.block, names)?));
            }
            let complete = arms.iter().any(|(label, _)| label == "default");
            out.push(Statement::Case { test, arms, complete });
        }
        S::Loop(l) => {
            if names.symbols.contains_key(&l.index) {
                return Err(format!("the loop variable {} is also the name of a signal", l.index));
            }
            for i in l.from.as_usize()..l.to.as_usize() {
                names.loops.push((l.index.clone(), i as u64));
                let body = lower(&l.block, names);
                names.loops.pop();
                out.extend(body?);
            }
        }
        S::Comment(text) => out.push(Statement::Comment(text.clone())),
        S::Macro(block) => out.extend(lower(block, names)?),
        S::Assignment(..) | S::SliceAssignment { .. } => return Err("only whole signals are assigned".into()),
        S::Link(_) => return Err("interface links are not supported".into()),
    }
    Ok(())
}

fn lower_if(conditional: &VerilogConditional, names: &mut Names) -> Result<Statement> {
    let test = names.text(&conditional.test, Some(1)).map_err(|e| format!("condition: {e}"))?;
    let then = lower(&conditional.then, names)?;
    let otherwise = match &conditional.otherwise {
        Otherwise::Block(block) => lower(block, names)?,
        Otherwise::Conditional(statement) => {
            let mut out = Vec::new();
            lower_one(statement, names, &mut out)?;
            out
        }
        Otherwise::None => Vec::new(),
    };
    Ok(Statement::If { test, then, otherwise })
}

impl Statement {
    /// Adds the signals that it assigns.
    fn writes(&self, out: &mut BTreeSet<String>) {
        match self {
            Self::Assign { target, .. } => {
                out.insert(target.clone());
            }
            Self::If { then, otherwise, .. } => then.iter().chain(otherwise).for_each(|s| s.writes(out)),
            Self::Case { arms, .. } => arms.iter().flat_map(|(_, body)| body).for_each(|s| s.writes(out)),
            Self::Comment(_) => {}
        }
    }

    /// Adds the signals that it reads.
    pub fn reads(&self, out: &mut BTreeSet<String>) {
        match self {
            Self::Assign { value, .. } => out.extend(value.reads.iter().cloned()),
            Self::If { test, then, otherwise } => {
                out.extend(test.reads.iter().cloned());
                then.iter().chain(otherwise).for_each(|s| s.reads(out));
            }
            Self::Case { test, arms, .. } => {
                out.extend(test.reads.iter().cloned());
                arms.iter().flat_map(|(_, body)| body).for_each(|s| s.reads(out));
            }
            Self::Comment(_) => {}
        }
    }

    /// Writes the statement as Verilog.
    pub fn write(&self, indent: usize, out: &mut String) {
        let pad = "  ".repeat(indent);
        let body = |statements: &[Statement], out: &mut String| {
            for statement in statements {
                statement.write(indent + 1, out);
            }
        };
        match self {
            Self::Assign { verilog, value, .. } => _ = writeln!(out, "{pad}{verilog} = {};", value.text),
            Self::Comment(text) => _ = writeln!(out, "{pad}// {text}"),
            Self::If { test, then, otherwise } => {
                _ = writeln!(out, "{pad}if ({}) begin", test.text);
                body(then, out);
                if otherwise.is_empty() {
                    _ = writeln!(out, "{pad}end");
                } else {
                    _ = writeln!(out, "{pad}end else begin");
                    body(otherwise, out);
                    _ = writeln!(out, "{pad}end");
                }
            }
            Self::Case { test, arms, .. } => {
                _ = writeln!(out, "{pad}case ({})", test.text);
                for (label, statements) in arms {
                    _ = writeln!(out, "{pad}  {label}: begin");
                    for statement in statements {
                        statement.write(indent + 2, out);
                    }
                    _ = writeln!(out, "{pad}  end");
                }
                _ = writeln!(out, "{pad}endcase");
            }
        }
    }
}

/// Whether `target` is assigned on every path.
pub fn always_assigns(statements: &[Statement], target: &str) -> bool {
    statements.iter().any(|s| match s {
        Statement::Assign { target: t, .. } => t == target,
        Statement::If { then, otherwise, .. } => {
            always_assigns(then, target) && always_assigns(otherwise, target)
        }
        Statement::Case { arms, complete, .. } => {
            *complete && arms.iter().all(|(_, body)| always_assigns(body, target))
        }
        Statement::Comment(_) => false,
    })
}

/// Splits an update function into processes, so that unrelated logic shares no `always` block.
///
/// # Errors
/// A signal read before its last assignment by logic of another process: a read means the latest assignment
/// above it, but one process sees only the final value of another.
pub fn processes(statements: Vec<Statement>) -> Result<Vec<Process>> {
    let mut owner: BTreeMap<String, usize> = BTreeMap::new();
    let mut last_write: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<Option<Group>> = Vec::new();
    for (position, statement) in statements.into_iter().enumerate() {
        let mut group = Group::default();
        statement.writes(&mut group.writes);
        group.statements.insert(position, statement);
        let joined: BTreeSet<usize> = group.writes.iter().filter_map(|w| owner.get(w).copied()).collect();
        last_write.extend(group.writes.iter().map(|w| (w.clone(), position)));
        for other in joined.into_iter().filter_map(|i| groups[i].take()) {
            group.statements.extend(other.statements);
            group.writes.extend(other.writes);
        }
        owner.extend(group.writes.iter().map(|w| (w.clone(), groups.len())));
        groups.push(Some(group));
    }
    let groups: Vec<Group> = groups.into_iter().flatten().collect();
    for group in &groups {
        for (position, statement) in &group.statements {
            let mut reads = BTreeSet::new();
            statement.reads(&mut reads);
            for name in reads.difference(&group.writes) {
                if last_write.get(name).is_some_and(|w| w > position) {
                    return Err(format!("{name} is read before its last assignment"));
                }
            }
        }
    }
    let process = |g: Group| Process { statements: g.statements.into_values().collect(), writes: g.writes };
    Ok(groups.into_iter().map(process).collect())
}

/// A process while it is put together: statements by their position in the source.
#[derive(Default)]
struct Group {
    statements: BTreeMap<usize, Statement>,
    writes: BTreeSet<String>,
}

impl Process {
    /// Refuses a signal of this process read on a path where nothing above assigns it: it would hold the value
    /// of an earlier evaluation, which is a latch.
    pub fn check_order(&self) -> Result<()> {
        self.check(&self.statements, &mut BTreeSet::new())
    }

    fn check(&self, statements: &[Statement], assigned: &mut BTreeSet<String>) -> Result<()> {
        let early = |reads: &BTreeSet<String>, assigned: &BTreeSet<String>| match reads
            .iter()
            .find(|name| self.writes.contains(*name) && !assigned.contains(*name))
        {
            Some(name) => Err(format!("{name} is read before it is assigned")),
            None => Ok(()),
        };
        for statement in statements {
            let (test, branches) = match statement {
                Statement::Comment(_) => continue,
                Statement::Assign { target, value, .. } => {
                    early(&value.reads, assigned)?;
                    assigned.insert(target.clone());
                    continue;
                }
                Statement::If { test, then, otherwise } => (test, vec![then.as_slice(), otherwise]),
                Statement::Case { test, arms, complete } => {
                    let arms = arms.iter().map(|(_, body)| body.as_slice());
                    (test, arms.chain((!complete).then_some([].as_slice())).collect())
                }
            };
            early(&test.reads, assigned)?;
            let mut after: Option<BTreeSet<String>> = None;
            for branch in branches {
                let mut here = assigned.clone();
                self.check(branch, &mut here)?;
                after = Some(after.map_or(here.clone(), |a| a.intersection(&here).cloned().collect()));
            }
            assigned.extend(after.unwrap_or_default());
        }
        Ok(())
    }
}
