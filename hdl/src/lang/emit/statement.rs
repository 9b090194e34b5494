//! Statements: loops unrolled, split into independent processes, latches and early reads refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use rust_hdl::core::ast::{
    VerilogBlock, VerilogBlockOrConditional as Otherwise, VerilogConditional, VerilogExpression, VerilogStatement as S,
};

use super::expression::{Names, Symbol, Text};

type Result<T> = std::result::Result<T, String>;

/// A statement with its loops unrolled and its expressions as text.
#[derive(Debug, Clone)]
pub enum Statement {
    Assign { target: String, verilog: String, value: Text },
    If { test: Text, then: Vec<Statement>, otherwise: Vec<Statement> },
    Case { test: Text, arms: Vec<(String, Vec<Statement>)>, complete: bool },
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
            statements.iter().for_each(|s| s.write(indent + 1, out));
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
                    statements.iter().for_each(|s| s.write(indent + 2, out));
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
/// A signal read before its last assignment: the source means the old value, Verilog would give the new one.
pub fn processes(statements: Vec<Statement>) -> Result<Vec<Process>> {
    let mut owner: BTreeMap<String, usize> = BTreeMap::new();
    let mut last_write: BTreeMap<String, usize> = BTreeMap::new();
    let mut processes: Vec<Option<Process>> = Vec::new();
    let mut position: Vec<Vec<usize>> = Vec::new();
    let mut all = Vec::new();
    for (i, statement) in statements.into_iter().enumerate() {
        let mut writes = BTreeSet::new();
        statement.writes(&mut writes);
        writes.iter().for_each(|w| _ = last_write.insert(w.clone(), i));
        all.push((statement, writes));
    }
    for (i, (statement, writes)) in all.into_iter().enumerate() {
        let joined: BTreeSet<usize> = writes.iter().filter_map(|w| owner.get(w).copied()).collect();
        let mut merged: Vec<(usize, Statement)> = vec![(i, statement)];
        let mut targets = writes;
        for j in joined {
            if let Some(process) = processes[j].take() {
                merged.extend(position[j].drain(..).zip(process.statements));
                targets.extend(process.writes);
            }
        }
        merged.sort_by_key(|(i, _)| *i);
        targets.iter().for_each(|t| _ = owner.insert(t.clone(), processes.len()));
        let (at, statements) = merged.into_iter().unzip();
        processes.push(Some(Process { statements, writes: targets }));
        position.push(at);
    }
    for (process, at) in processes.iter().zip(&position) {
        let Some(process) = process else { continue };
        for (statement, at) in process.statements.iter().zip(at) {
            let mut reads = BTreeSet::new();
            statement.reads(&mut reads);
            for name in reads.difference(&process.writes) {
                if last_write.get(name).is_some_and(|w| w > at) {
                    return Err(format!("{name} is read before its last assignment"));
                }
            }
        }
    }
    Ok(processes.into_iter().flatten().collect())
}
