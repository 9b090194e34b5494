//! The source of a model and the ports of its top module.

use crate::Error;

/// Which way a port points, seen from the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Into the design.
    Input,
    /// Out of the design.
    Output,
    /// No port, but a signal somewhere inside that is watched; see [`Port::inside`].
    Inside,
}

/// One port of the top module, the clock excepted, or a watched signal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Port {
    /// Verilog name.
    pub name: String,
    /// Width.
    pub bits: usize,
    /// Direction.
    pub direction: Direction,
}

impl Port {
    /// An input.
    #[must_use]
    pub fn input(name: &str, bits: usize) -> Self {
        Self { name: name.to_owned(), bits, direction: Direction::Input }
    }

    /// An output.
    #[must_use]
    pub fn output(name: &str, bits: usize) -> Self {
        Self { name: name.to_owned(), bits, direction: Direction::Output }
    }

    /// A signal inside, by instance names and its own: `core.compute_step`. All modules on the way must be
    /// instantiated once, and it can be read only; watching costs speed, so it makes another model.
    #[must_use]
    pub fn inside(path: &str, bits: usize) -> Self {
        Self { name: path.to_owned(), bits, direction: Direction::Inside }
    }

    /// 64-bit words that hold a value of this port.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.bits.div_ceil(64)
    }
}

/// A design to simulate: Verilog text, top module, clock and ports.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// Verilog of the top module and everything below it.
    pub text: &'a str,
    /// Name of the top module.
    pub top: &'a str,
    /// Name of its one clock input; everything happens on its rising edge.
    pub clock: &'a str,
    /// All other ports that are driven or watched.
    pub ports: &'a [Port],
}

impl Source<'_> {
    /// Names become C++ text, so they must be plain identifiers.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let bad = |name: &str, reason| Err(Error::Port { name: name.to_owned(), reason });
        let port_names = self.ports.iter().flat_map(|p| match p.direction {
            Direction::Inside => p.name.split('.').collect(),
            _ => vec![p.name.as_str()],
        });
        for name in [self.top, self.clock].into_iter().chain(port_names) {
            let mut characters = name.chars();
            let first = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
            if !first || !characters.all(|c| c.is_ascii_alphanumeric() || c == '_') || name.contains("__") {
                return bad(name, "a name must be letters, digits and single underscores");
            }
        }
        for port in self.ports {
            if port.bits == 0 {
                return bad(&port.name, "no bits");
            }
        }
        Ok(())
    }
}
