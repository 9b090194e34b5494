//! Module text; equal blocks share one module.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use rust_hdl::core::prelude::Verilog;

use super::EmitError;
use super::collect::{Net, Role, Scope};
use super::expression::{Names, Symbol, is_name};
use super::keywords::verilog_name;
use super::statement::{Process, Statement, always_assigns, lower, processes};

/// One Verilog module.
#[derive(Debug, Clone)]
pub struct Module {
    /// Module name.
    pub name: String,
    /// Its whole text.
    pub text: String,
}

/// Modules, children before parents; the last one is the top.
#[derive(Debug, Clone)]
pub struct Design {
    /// In the order in which a compiler must read them.
    pub modules: Vec<Module>,
}

impl Design {
    /// All modules as one source text.
    #[must_use]
    pub fn text(&self) -> String {
        self.modules.iter().map(|m| m.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The name of the top module.
    #[must_use]
    pub fn top(&self) -> &str {
        self.modules.last().map_or("", |m| &m.name)
    }
}

struct Writer<'a> {
    prefix: &'a str,
    /// Module body → name, so that equal blocks become one module.
    known: HashMap<String, String>,
    used: BTreeSet<String>,
    modules: Vec<Module>,
}

pub fn write_design(top: &Scope, prefix: &str) -> Result<Design, EmitError> {
    let mut writer = Writer { prefix, known: HashMap::new(), used: BTreeSet::new(), modules: Vec::new() };
    writer.module(top, "")?;
    Ok(Design { modules: writer.modules })
}

fn range(width: usize) -> String {
    if width == 1 { String::new() } else { format!("[{}:0] ", width - 1) }
}

impl Writer<'_> {
    fn module(&mut self, scope: &Scope, parent: &str) -> Result<String, EmitError> {
        let path = if parent.is_empty() { scope.name.clone() } else { format!("{parent}.{}", scope.name) };
        let children = scope
            .children
            .iter()
            .map(|c| if c.inline_text().is_some() { Ok(String::new()) } else { self.module(c, &path) })
            .collect::<Result<Vec<_>, _>>()?;
        let body = Body::new(scope)
            .and_then(|b| b.write(&children))
            .map_err(|reason| EmitError { path: path.clone(), reason })?;
        if let Some(name) = self.known.get(&body) {
            return Ok(name.clone());
        }
        let stem = scope.name.split('$').next().unwrap_or("top");
        let stem =
            if parent.is_empty() { verilog_name(self.prefix) } else { format!("{}_{stem}", self.prefix) };
        let mut name = stem.clone();
        for i in 2.. {
            if self.used.insert(name.clone()) {
                break;
            }
            name = format!("{stem}_{i}");
        }
        self.modules.push(Module { name: name.clone(), text: format!("module {name} {body}") });
        self.known.insert(body, name.clone());
        Ok(name)
    }
}

/// What the text of one module is made from.
struct Body<'a> {
    scope: &'a Scope,
    symbols: HashMap<String, Symbol>,
    processes: Vec<Process>,
    driven: BTreeSet<String>,
}

impl<'a> Body<'a> {
    fn new(scope: &'a Scope) -> Result<Self, String> {
        let mut symbols = HashMap::new();
        let mut taken = BTreeMap::new();
        // Of a child only ports (and constants, in loop bounds) can be seen from here.
        let child_nets = scope
            .children
            .iter()
            .flat_map(|c| c.nets.iter().filter(|n| n.role != Role::Local).map(move |n| (Some(c), n)));
        for (child, net) in scope.nets.iter().map(|n| (None, n)).chain(child_nets) {
            let name = child.map_or(net.name.clone(), |c| format!("{}${}", c.name, net.name));
            for (value, variant) in net.variants.iter().enumerate() {
                let value = Symbol::Value { value: value as u128, width: net.width };
                let other = symbols.insert(variant.replace("::", "$"), value.clone());
                if other.is_some_and(|other| other != value) {
                    return Err(format!("{variant} has two values: two types share this name"));
                }
            }
            let symbol = if let Role::Constant(value) = net.role {
                Symbol::Value { value, width: net.width }
            } else {
                let verilog = verilog_name(&name);
                if let Some(other) = taken.insert(verilog.clone(), name.clone()) {
                    return Err(format!("{name} and {other} would both be called {verilog}"));
                }
                Symbol::Net { verilog, width: net.width }
            };
            symbols.insert(name, symbol);
        }
        for child in scope.children.iter().filter(|c| c.inline_text().is_none()) {
            let verilog = verilog_name(&child.name);
            if let Some(other) = taken.insert(verilog.clone(), child.name.clone()) {
                return Err(format!("the block {} and {other} would both be called {verilog}", child.name));
            }
        }
        let statements = match &scope.code {
            Verilog::Combinatorial(block) => {
                lower(block, &mut Names { symbols: &symbols, loops: Vec::new() })?
            }
            _ => Vec::new(),
        };
        let mut body = Self { scope, symbols, processes: processes(statements)?, driven: BTreeSet::new() };
        body.close()?;
        Ok(body)
    }

    fn net_name(child: &Scope, net: &Net) -> String {
        format!("{}${}", child.name, net.name)
    }

    /// Registers hold by default, clock and reset connect by name; then everything must be driven.
    fn close(&mut self) -> Result<(), String> {
        let registers: BTreeSet<String> =
            self.scope.children.iter().filter(|c| c.is_register()).map(|c| format!("{}$d", c.name)).collect();
        for process in &mut self.processes {
            for target in &process.writes {
                if always_assigns(&process.statements, target) {
                    continue;
                }
                if !registers.contains(target) {
                    return Err(format!("{target} is not assigned on every path: a latch"));
                }
                let stem = target.strip_suffix("$d").unwrap_or(target);
                let (verilog, q) = (verilog_name(target), format!("{stem}$q"));
                let names = Names { symbols: &self.symbols, loops: Vec::new() };
                let value = names.text(&rust_hdl::core::ast::VerilogExpression::Signal(q), None)?;
                process.statements.insert(0, Statement::Assign { target: target.clone(), verilog, value });
            }
            process.check_order()?;
            self.driven.extend(process.writes.iter().cloned());
        }
        if matches!(self.scope.code, Verilog::Custom(_)) && self.scope.children.is_empty() {
            return Ok(()); // a leaf: its text drives what it drives
        }
        for net in &self.scope.nets {
            if matches!(net.role, Role::Output | Role::Local) && !self.driven.contains(&net.name) {
                return Err(format!("{} is never assigned", net.name));
            }
            if net.role == Role::Input && self.driven.contains(&net.name) {
                return Err(format!("the input {} is assigned", net.name));
            }
        }
        for child in &self.scope.children {
            for net in &child.nets {
                let name = Self::net_name(child, net);
                let by_name = self.by_name(child, net);
                if net.role == Role::Input
                    && !by_name
                    && !self.driven.contains(&name)
                    && !unused_reset(child, net)
                {
                    return Err(format!("the input {name} is never assigned"));
                }
                if net.role == Role::Output && self.driven.contains(&name) {
                    return Err(format!("the output {name} is assigned from outside"));
                }
            }
        }
        Ok(())
    }

    /// Whether a child's port connects by itself: clock and reset, when the parent has them and assigns nothing.
    fn by_name(&self, child: &Scope, net: &Net) -> bool {
        ["clock", "reset"].contains(&net.name.as_str())
            && self.scope.nets.iter().any(|n| n.name == net.name)
            && !self.driven.contains(&Self::net_name(child, net))
    }

    /// Single assignments that can stand at the place of use.
    fn aliases(&self) -> BTreeMap<String, String> {
        let mut reads = BTreeSet::new();
        self.processes.iter().flat_map(|p| &p.statements).for_each(|s| s.reads(&mut reads));
        let mut aliases = BTreeMap::new();
        for process in &self.processes {
            let [Statement::Assign { target, value, .. }] = process.statements.as_slice() else { continue };
            let Some((child, port)) = self.child_port(target) else { continue };
            let bits_are_taken = child.inline_text().is_some_and(|t| t.contains(&format!("`{port}`[")));
            let in_place = match (child.is_register() && port == "d", bits_are_taken) {
                (true, _) => true,
                (_, true) => is_name(&value.text), // `-x[3]` would be the negative of a bit
                _ => value.atomic,
            };
            if in_place && !reads.contains(target) {
                aliases.insert(target.clone(), value.text.clone());
            }
        }
        aliases
    }

    fn child_port(&self, target: &str) -> Option<(&Scope, String)> {
        self.scope.children.iter().find_map(|c| {
            let port = target.strip_prefix(&c.name)?.strip_prefix('$')?;
            c.nets.iter().any(|n| n.name == port).then(|| (c, port.to_string()))
        })
    }

    fn write(&self, children: &[String]) -> Result<String, String> {
        let aliases = self.aliases();
        let procedural: BTreeSet<&String> = self
            .processes
            .iter()
            .filter(|p| p.statements.len() != 1 || !is_assign(&p.statements[0]))
            .flat_map(|p| &p.writes)
            .collect();
        let kind = |name: &String| if procedural.contains(name) { "reg" } else { "wire" };
        let mut out = String::from("(\n");
        let ports: Vec<String> = self
            .scope
            .nets
            .iter()
            .filter_map(|n| match n.role {
                Role::Input => Some(format!("  input  wire {}{}", range(n.width), verilog_name(&n.name))),
                Role::Output => {
                    Some(format!("  output {} {}{}", kind(&n.name), range(n.width), verilog_name(&n.name)))
                }
                _ => None,
            })
            .collect();
        _ = writeln!(out, "{}\n);", ports.join(",\n"));
        for net in self.scope.nets.iter().filter(|n| n.role == Role::Local) {
            _ = writeln!(out, "  {} {}{};", kind(&net.name), range(net.width), verilog_name(&net.name));
        }
        for child in &self.scope.children {
            for net in child.nets.iter().filter(|n| !self.by_name(child, n) && !unused_reset(child, n)) {
                let name = Self::net_name(child, net);
                if aliases.contains_key(&name) || matches!(net.role, Role::Local | Role::Constant(_)) {
                    continue;
                }
                let register_output = child.is_register() && net.role == Role::Output;
                let kind = if register_output { "reg" } else { kind(&name) };
                _ = writeln!(out, "  {kind} {}{};", range(net.width), verilog_name(&name));
            }
        }
        for process in &self.processes {
            match process.statements.as_slice() {
                [comment @ Statement::Comment(_)] => comment.write(1, &mut out),
                [Statement::Assign { target, .. }] if aliases.contains_key(target) => {}
                [Statement::Assign { verilog, value, .. }] => {
                    _ = writeln!(out, "  assign {verilog} = {};", value.text);
                }
                statements => {
                    out.push_str("  always @* begin\n");
                    for statement in statements {
                        statement.write(2, &mut out);
                    }
                    out.push_str("  end\n");
                }
            }
        }
        for (child, module) in self.scope.children.iter().zip(children) {
            self.write_child(child, module, &aliases, &mut out);
        }
        match &self.scope.code {
            Verilog::Custom(code) => code.lines().for_each(|line| _ = writeln!(out, "  {line}")),
            Verilog::Combinatorial(_) | Verilog::Empty => {}
            Verilog::Blackbox(_) | Verilog::Wrapper(_) => {
                return Err("wrappers are not supported here".into());
            }
        }
        out.push_str("endmodule\n");
        Ok(out)
    }

    fn write_child(&self, child: &Scope, module: &str, aliases: &BTreeMap<String, String>, out: &mut String) {
        let connected = |net: &Net| {
            if self.by_name(child, net) {
                return net.name.clone();
            }
            let name = Self::net_name(child, net);
            aliases.get(&name).cloned().unwrap_or_else(|| verilog_name(&name))
        };
        if let Some(text) = child.inline_text() {
            let mut text = text.to_string();
            for net in &child.nets {
                text = text.replace(&format!("`{}`", net.name), &connected(net));
            }
            text.lines().for_each(|line| _ = writeln!(out, "  {line}"));
            return;
        }
        let ports: Vec<String> = child
            .nets
            .iter()
            .filter(|n| matches!(n.role, Role::Input | Role::Output))
            .map(|n| format!("    .{}({})", verilog_name(&n.name), connected(n)))
            .collect();
        _ = writeln!(out, "  {module} {} (\n{}\n  );", verilog_name(&child.name), ports.join(",\n"));
    }
}

fn is_assign(statement: &Statement) -> bool {
    matches!(statement, Statement::Assign { .. })
}

/// An inline leaf without reset does not mention its reset port.
fn unused_reset(child: &Scope, net: &Net) -> bool {
    net.name == "reset" && child.inline_text().is_some_and(|text| !text.contains("`reset`"))
}
