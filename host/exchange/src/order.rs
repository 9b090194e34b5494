//! In which order PyTorch and ONNX have the values of a vector that this program has position after position.

use std::rc::Rc;

use cbp_nn::graph::{Graph, Op, Shape, Source};

/// Own place of each value in the foreign order; `None` where both orders are the same.
pub(crate) type Order = Option<Rc<[usize]>>;

/// The order of a flattened image: elsewhere channel after channel.
pub(crate) fn planar(shape: Shape) -> Order {
    let (positions, channels) = (shape.positions(), shape.channels);
    if positions == 1 || channels == 1 {
        return None;
    }
    Some((0..shape.values()).map(|f| (f % positions) * channels + f / positions).collect())
}

/// The order of vectors behind each other, with their lengths.
pub(crate) fn concatenated(parts: &[(Order, usize)]) -> Order {
    if parts.iter().all(|(order, _)| order.is_none()) {
        return None;
    }
    let mut all = Vec::new();
    for (order, length) in parts {
        let start = all.len();
        match order {
            Some(order) => all.extend(order.iter().map(|place| start + place)),
            None => all.extend(start..start + length),
        }
    }
    Some(all.into())
}

/// The order of each node's output, if it is a vector.
pub(crate) fn of_outputs(graph: &Graph) -> Vec<Order> {
    let mut orders: Vec<Order> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let of = |source: &Source| match source {
            Source::Input => None,
            Source::Layer(index) => orders[*index].clone(),
        };
        let order = match &node.op {
            Op::Flatten => of_vector(graph, &orders, node.inputs[0]),
            Op::BatchNorm { .. } | Op::Clamp { .. } | Op::Dropout { .. } | Op::Quantise { .. } => {
                of(&node.inputs[0])
            }
            Op::Add if of(&node.inputs[0]) == of(&node.inputs[1]) => of(&node.inputs[0]),
            Op::Concat => {
                let part = |source: &Source| (of(source), graph.shape_of(*source).values());
                concatenated(&node.inputs.iter().map(part).collect::<Vec<_>>())
            }
            _ => None,
        };
        orders.push(order);
    }
    orders
}

/// The order of what `source` stands for once it is a vector; `orders` are those of [`of_outputs`].
pub(crate) fn of_vector(graph: &Graph, orders: &[Order], source: Source) -> Order {
    let own = match source {
        Source::Input => None,
        Source::Layer(index) => orders[index].clone(),
    };
    own.or_else(|| planar(graph.shape_of(source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_by_hand() {
        // Two positions, three channels. Elsewhere: c0p0 c0p1 c1p0 c1p1 c2p0 c2p1; here p0c0 p0c1 p0c2 p1c0 p1c1 p1c2.
        assert_eq!(planar(Shape::new(1, 2, 3)).as_deref(), Some(&[0, 3, 1, 4, 2, 5][..]));
        assert_eq!(planar(Shape::new(1, 1, 3)), None);
        assert_eq!(planar(Shape::new(4, 5, 1)), None);
    }

    #[test]
    fn vectors_behind_each_other() {
        let order: Order = Some([1, 0].into());
        let all = concatenated(&[(None, 2), (order.clone(), 2), (order, 2)]);
        assert_eq!(all.as_deref(), Some(&[0, 1, 3, 2, 5, 4][..]));
        assert_eq!(concatenated(&[(None, 2), (None, 1)]), None);
    }

    #[test]
    fn orders_follow_the_graph() {
        let mut graph = Graph::empty("orders", Shape::new(1, 2, 3));
        let relu = graph.push("relu", Op::RELU, &[Source::Input]).unwrap();
        let flat = graph.push("flat", Op::Flatten, &[relu]).unwrap();
        let clamp = graph.push("clamp", Op::RELU, &[flat]).unwrap();
        graph.push("both", Op::Concat, &[clamp, flat]).unwrap();
        let orders = of_outputs(&graph);
        let flat = [0, 3, 1, 4, 2, 5];
        assert_eq!(orders[0], None);
        assert_eq!(orders[1].as_deref(), Some(&flat[..]));
        assert_eq!(orders[2], orders[1]);
        let both: Vec<usize> = flat.into_iter().chain(flat.map(|place| 6 + place)).collect();
        assert_eq!(orders[3].as_deref(), Some(&both[..]));
        assert_eq!(of_vector(&graph, &orders, relu), orders[1]);
    }
}
