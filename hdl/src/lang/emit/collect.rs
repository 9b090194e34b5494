//! Walks a rust-hdl block and takes what Verilog needs of it.

use rust_hdl::core::prelude::{Atom, AtomKind, Block, Probe, TypeKind, Verilog, VerilogLiteral};

use super::{EmitError, INLINE};

/// A port, local signal or constant.
#[derive(Debug, Clone)]
pub struct Net {
    pub name: String,
    pub width: usize,
    pub role: Role,
    /// For an enum type: its variants as `Type::Variant`, in order of their values.
    pub variants: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Role {
    Input,
    Output,
    Local,
    Constant(u128),
}

/// One block instance.
pub struct Scope {
    pub name: String,
    pub nets: Vec<Net>,
    pub children: Vec<Scope>,
    pub code: Verilog,
}

impl Scope {
    /// The text of a leaf written in place of an instance.
    pub fn inline_text(&self) -> Option<&str> {
        match &self.code {
            Verilog::Wrapper(w) if w.cores == INLINE => Some(&w.code),
            _ => None,
        }
    }

    /// Whether this is a register: an inline leaf from `d` to `q`.
    pub fn is_register(&self) -> bool {
        let has = |name: &str| self.nets.iter().any(|n| n.name == name);
        self.inline_text().is_some() && has("d") && has("q")
    }
}

#[derive(Default)]
struct Collector {
    open: Vec<Scope>,
    done: Option<Scope>,
    namespace: Vec<String>,
    error: Option<EmitError>,
}

pub fn collect(top: &impl Block) -> Result<Scope, EmitError> {
    let mut collector = Collector::default();
    top.accept("top", &mut collector);
    if let Some(error) = collector.error {
        return Err(error);
    }
    collector.done.ok_or_else(|| EmitError { path: "top".into(), reason: "is not a block".into() })
}

impl Collector {
    fn path(&self) -> String {
        self.open.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(".")
    }
}

impl Probe for Collector {
    fn visit_start_scope(&mut self, name: &str, node: &dyn Block) {
        self.open.push(Scope { name: name.into(), nets: Vec::new(), children: Vec::new(), code: node.hdl() });
    }

    fn visit_start_namespace(&mut self, name: &str, _node: &dyn Block) {
        self.namespace.push(name.into());
    }

    fn visit_end_namespace(&mut self, _name: &str, _node: &dyn Block) {
        self.namespace.pop();
    }

    fn visit_atom(&mut self, name: &str, atom: &dyn Atom) {
        let path = self.path();
        let role = match atom.kind() {
            AtomKind::InputParameter => Role::Input,
            AtomKind::OutputParameter => Role::Output,
            AtomKind::LocalSignal => Role::Local,
            AtomKind::Constant => {
                let literal = atom.verilog();
                let Some(value) = literal_value(&literal) else {
                    let reason =
                        format!("the constant {name} is {literal}: negative, or wider than 128 bits");
                    self.error.get_or_insert(EmitError { path, reason });
                    return;
                };
                Role::Constant(value)
            }
            kind => {
                let reason = format!("signal {name} of kind {kind:?} is not supported");
                self.error.get_or_insert(EmitError { path, reason });
                return;
            }
        };
        let variants = match atom.descriptor().kind {
            TypeKind::Enum(variants) => variants,
            TypeKind::Bits(_) => Vec::new(),
            other => {
                let reason = format!("signal {name} has type {other:?}; use Bit, Bits, Wire or an enum");
                self.error.get_or_insert(EmitError { path, reason });
                return;
            }
        };
        let name = self.namespace.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("$");
        if let Some(scope) = self.open.last_mut() {
            scope.nets.push(Net { name, width: atom.bits(), role, variants });
        }
    }

    fn visit_end_scope(&mut self, _name: &str, _node: &dyn Block) {
        let Some(scope) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(scope),
            None => self.done = Some(scope),
        }
    }
}

/// rust-hdl keeps a literal's value private and prints it as `32'h1f` or `3'b101`.
///
/// `None`: the value is negative or has more than 128 bits.
pub fn literal_value(literal: &VerilogLiteral) -> Option<u128> {
    let text = literal.to_string();
    let (_, digits) = text.split_once('\'')?;
    let (radix, digits) = digits.split_at_checked(1)?;
    u128::from_str_radix(digits, if radix == "b" { 2 } else { 16 }).ok()
}
