//! Expressions, with the width rules that make Verilog mean what the source says.
//!
//! The two sides of an operator, and an assignment and its target, have the same width; a literal takes the
//! width of the other side and must fit; widening is always explicit. Then no context can widen an operand,
//! which is what Verilog's rules are about.

use std::collections::{BTreeSet, HashMap};

use rust_hdl::core::ast::{VerilogExpression as E, VerilogOp as Op, VerilogOpUnary as Unary};

use super::collect::literal_value;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Symbol {
    /// A net, by its Verilog name.
    Net { verilog: String, width: usize },
    /// A constant or an enum variant; width 0 for a number that takes the width of its surroundings.
    Value { value: u128, width: usize },
}

/// Names of one module, and the loop variables in force.
pub struct Names<'a> {
    pub symbols: &'a HashMap<String, Symbol>,
    pub loops: Vec<(String, u64)>,
}

/// Term of an expression.
#[derive(Debug, Clone)]
pub struct Term {
    pub text: String,
    pub width: usize,
    /// A name, slice, literal or concatenation: needs no brackets.
    pub atomic: bool,
    /// Names it reads, as in the symbol table.
    pub reads: BTreeSet<String>,
}

type Result<T> = std::result::Result<T, String>;

impl Names<'_> {
    /// The symbol-table name of a source path: loop indices evaluated, `.next` removed.
    pub fn resolve(&self, source: &str) -> Result<String> {
        let mut out = String::new();
        // The macro breaks long paths into lines.
        let source: String = source.split_whitespace().collect();
        let mut rest = source.trim_start_matches('.');
        while let Some((head, tail)) = rest.split_once('[') {
            let (index, tail) =
                tail.split_once(']').ok_or_else(|| format!("unbalanced index in {source}"))?;
            out.push_str(head);
            out.push('$');
            out.push_str(&self.index(index)?.to_string());
            rest = tail;
        }
        out.push_str(rest);
        // rust-hdl's macro breaks long paths into lines.
        let out = out.replace(char::is_whitespace, "").replace('.', "$").replace("::", "$");
        Ok(out.strip_suffix("$next").unwrap_or(&out).to_string())
    }

    fn index(&self, text: &str) -> Result<i64> {
        use evalexpr::ContextWithMutableVariables;
        let mut text = text.to_string();
        while let Some(end) = text.find("$value") {
            let start =
                text[..end].rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |i| i + 1);
            let Some(Symbol::Value { value, .. }) = self.symbols.get(&text[start..end]) else {
                return Err(format!("{} is not a constant", &text[start..end]));
            };
            text.replace_range(start..end + "$value".len(), &value.to_string());
        }
        let mut context = evalexpr::HashMapContext::new();
        for (name, value) in &self.loops {
            context
                .set_value(name.clone(), evalexpr::Value::Int(value.cast_signed()))
                .map_err(|e| e.to_string())?;
        }
        evalexpr::eval_int_with_context(&text, &context).map_err(|e| format!("index [{text}]: {e}"))
    }

    /// The value of an expression over literals and loop variables.
    fn constant(&self, e: &E) -> Option<u128> {
        match e {
            E::Literal(l) => literal_value(l),
            E::Signal(name) => {
                let index = self.loops.iter().rev().find(|(n, _)| n == name).map(|(_, v)| u128::from(*v));
                index.or_else(|| {
                    match self.symbols.get(self.resolve(name).ok()?.trim_end_matches("$value")) {
                        Some(Symbol::Value { value, width: 0 }) => Some(*value),
                        _ => None,
                    }
                })
            }
            E::Paren(inner) => self.constant(inner),
            E::Binary(l, op, r) => {
                let (l, r) = (self.constant(l)?, self.constant(r)?);
                match op {
                    Op::Add => l.checked_add(r),
                    Op::Sub => l.checked_sub(r),
                    Op::Mul => l.checked_mul(r),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn symbol(&self, source: &str) -> Result<(String, &Symbol)> {
        let name = self.resolve(source)?;
        match self.symbols.get(&name) {
            Some(symbol) => Ok((name, symbol)),
            None => Err(format!("no signal is named {name}")),
        }
    }

    /// The width an expression has by itself; a literal and a widening have none.
    fn width(&self, e: &E) -> Result<Option<usize>> {
        if self.constant(e).is_some() {
            return Ok(None);
        }
        Ok(match e {
            E::Signal(name) => match self.symbol(name)?.1 {
                Symbol::Net { width, .. } | Symbol::Value { width, .. } => Some(*width),
            },
            E::Literal(_) | E::Signed(_) | E::Unsigned(_) => None,
            E::Cast(_, width) | E::Slice(_, width, _) => Some(*width),
            E::Paren(inner) | E::Unary(Unary::Not | Unary::Neg, inner) => self.width(inner)?,
            E::Unary(..) | E::Index(..) => Some(1),
            E::Binary(l, op, r) => match op {
                Op::Add | Op::Sub | Op::BitXor | Op::BitAnd | Op::BitOr => match self.width(l)? {
                    Some(width) => Some(width),
                    None => self.width(r)?,
                },
                Op::Shl | Op::Shr => self.width(l)?,
                _ => Some(1),
            },
            E::IndexReplace(..) => return Err("replace_bit is not supported".into()),
        })
    }

    /// Term of `e` in a place that is `want` bits wide.
    pub fn text(&self, e: &E, want: Option<usize>) -> Result<Term> {
        let text = self.any_width(e, want)?;
        match want {
            Some(want) if want != text.width => {
                Err(format!("`{}` is {} bits wide where {want} are needed", text.text, text.width))
            }
            _ => Ok(text),
        }
    }

    fn any_width(&self, e: &E, want: Option<usize>) -> Result<Term> {
        if let Some(value) = self.constant(e) {
            // rust-hdl's booleans are the only literals with a width of their own.
            let own = matches!(e, E::Literal(l) if l.to_string().starts_with("1'")).then_some(1);
            let width = want.or(own).ok_or("a literal stands where nothing gives it a width")?;
            return literal(value, width);
        }
        match e {
            E::Signal(name) => {
                let (name, symbol) = self.symbol(name)?;
                match symbol {
                    Symbol::Value { value, width } => literal(*value, *width),
                    Symbol::Net { verilog, width } => {
                        Ok(Term { text: verilog.clone(), width: *width, atomic: true, reads: [name].into() })
                    }
                }
            }
            E::Paren(inner) => self.any_width(inner, want),
            E::Cast(inner, width) => self.cast(inner, *width),
            E::Signed(inner) => self.extend(inner, want, true),
            E::Unsigned(inner) => self.extend(inner, want, false),
            E::Binary(l, op, r) => self.binary(l, op, r, want),
            E::Unary(op, inner) => self.unary(op, inner, want),
            E::Index(net, index) => self.slice(net, 1, index),
            E::Slice(net, width, offset) => self.slice(net, *width, offset),
            E::Literal(l) => Err(format!("the literal {l} is not supported")),
            E::IndexReplace(..) => Err("replace_bit is not supported".into()),
        }
    }

    fn cast(&self, inner: &E, width: usize) -> Result<Term> {
        if width == 0 {
            return Err("a cast to no bits".into());
        }
        let inner = self.any_width(inner, self.width(inner)?.or(Some(width)))?;
        if inner.width < width {
            return Ok(extended(inner, width, false));
        }
        if inner.width == width {
            return Ok(inner);
        }
        if !is_name(&inner.text) {
            return Err(format!("cut `{}` to {width} bits: assign it to a signal first", inner.text));
        }
        Ok(Term { text: format!("{}[{}:0]", inner.text, width - 1), width, ..inner })
    }

    fn extend(&self, inner: &E, want: Option<usize>, signed: bool) -> Result<Term> {
        let want = want.ok_or("a widening stands where nothing says to which width")?;
        let inner = self.any_width(inner, None)?;
        if inner.width > want {
            return Err(format!(
                "`{}` is {} bits wide and cannot be widened to {want}",
                inner.text, inner.width
            ));
        }
        if signed && !is_name(&inner.text) {
            return Err(format!("sign-extend `{}`: assign it to a signal first", inner.text));
        }
        Ok(extended(inner, want, signed))
    }

    fn binary(&self, l: &E, op: &Op, r: &E, want: Option<usize>) -> Result<Term> {
        let (symbol, compares) = match op {
            Op::Add => ("+", false),
            Op::Sub => ("-", false),
            Op::BitXor => ("^", false),
            Op::BitAnd => ("&", false),
            Op::BitOr => ("|", false),
            Op::Shl => ("<<", false),
            Op::Shr => (">>", false),
            Op::LogicalAnd => ("&&", true),
            Op::LogicalOr => ("||", true),
            Op::Eq => ("==", true),
            Op::Ne => ("!=", true),
            Op::Lt => ("<", true),
            Op::Le => ("<=", true),
            Op::Gt => (">", true),
            Op::Ge => (">=", true),
            Op::Mul => return Err("a multiplication: only leaf blocks multiply".into()),
        };
        if matches!(op, Op::Shl | Op::Shr) {
            let left = self.text(l, self.width(l)?.or(want))?;
            let right = match self.constant(r) {
                Some(amount) => {
                    Term { text: amount.to_string(), width: 32, atomic: true, reads: BTreeSet::new() }
                }
                None => self.any_width(r, None)?,
            };
            return Ok(joined(&left, symbol, &right, left.width));
        }
        let own = match self.width(l)? {
            Some(width) => Some(width),
            None => self.width(r)?,
        };
        let width = if compares { own } else { own.or(want) };
        let (left, right) = (self.text(l, width)?, self.text(r, width)?);
        if matches!(op, Op::LogicalAnd | Op::LogicalOr) && left.width != 1 {
            return Err(format!("`{}` is not one bit wide in a logical operation", left.text));
        }
        let result = if compares { 1 } else { left.width };
        Ok(joined(&left, symbol, &right, result))
    }

    fn unary(&self, op: &Unary, inner: &E, want: Option<usize>) -> Result<Term> {
        let (symbol, reduces) = match op {
            Unary::Not => ("~", false),
            Unary::Neg => ("-", false),
            Unary::All => ("&", true),
            Unary::Any => ("|", true),
            Unary::Xor => ("^", true),
        };
        let inner = self.any_width(inner, if reduces { None } else { want })?;
        if reduces && inner.width == 1 {
            return Ok(inner);
        }
        let width = if reduces { 1 } else { inner.width };
        // `--x` would be SystemVerilog's decrement.
        let bare = inner.atomic && !inner.text.starts_with('-');
        let text = if bare { format!("{symbol}{}", inner.text) } else { format!("{symbol}({})", inner.text) };
        Ok(Term { text, width, atomic: !reduces && inner.atomic, reads: inner.reads })
    }

    fn slice(&self, net: &E, width: usize, offset: &E) -> Result<Term> {
        let base = self.any_width(net, None)?;
        if !is_name(&base.text) {
            return Err(format!("take bits of `{}`: assign it to a signal first", base.text));
        }
        let mut reads = base.reads;
        if base.width == 1 && width == 1 && self.constant(offset) == Some(0) {
            return Ok(Term { text: base.text, width: 1, atomic: true, reads });
        }
        if width > base.width {
            return Err(format!("{width} bits of `{}`, which has {}", base.text, base.width));
        }
        let text = if let Some(offset) = self.constant(offset) {
            let offset = usize::try_from(offset).map_err(|e| e.to_string())?;
            if offset > base.width - width {
                let top = offset.saturating_add(width - 1);
                return Err(format!("bits {top}..{offset} of `{}`, which has {}", base.text, base.width));
            }
            if width == 1 {
                format!("{}[{offset}]", base.text)
            } else {
                format!("{}[{}:{offset}]", base.text, offset + width - 1)
            }
        } else {
            if base.width == 1 {
                return Err(format!("a variable bit of `{}`, which has one", base.text));
            }
            let offset = self.any_width(offset, None)?;
            reads.extend(offset.reads);
            if width == 1 {
                format!("{}[{}]", base.text, offset.text)
            } else {
                format!("{}[({})+:{width}]", base.text, offset.text)
            }
        };
        Ok(Term { text, width, atomic: true, reads })
    }
}

/// Whether bits can be taken of this text.
pub fn is_name(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn joined(l: &Term, symbol: &str, r: &Term, width: usize) -> Term {
    let side = |t: &Term| if t.atomic { t.text.clone() } else { format!("({})", t.text) };
    Term {
        text: format!("{} {symbol} {}", side(l), side(r)),
        width,
        atomic: false,
        reads: l.reads.union(&r.reads).cloned().collect(),
    }
}

fn extended(inner: Term, width: usize, signed: bool) -> Term {
    let more = width - inner.width;
    if more == 0 {
        return inner;
    }
    let fill = match (signed, inner.width) {
        (false, _) => format!("{more}'d0"),
        (true, 1) => format!("{{{more}{{{}}}}}", inner.text),
        (true, n) => format!("{{{more}{{{}[{}]}}}}", inner.text, n - 1),
    };
    Term { text: format!("{{{fill}, {}}}", inner.text), width, atomic: true, reads: inner.reads }
}

/// A sized literal.
pub fn literal(value: u128, width: usize) -> Result<Term> {
    if width < 128 && value >> width != 0 {
        return Err(format!("the literal {value} does not fit in {width} bits"));
    }
    let text = if value < 4096 { format!("{width}'d{value}") } else { format!("{width}'h{value:x}") };
    Ok(Term { text, width, atomic: true, reads: BTreeSet::new() })
}
