//! Names of nodes: those of PyTorch's parameters if the file has them.

/// What PyTorch calls the parameters of a layer.
const PARAMETERS: [&str; 4] = [".weight", ".bias", ".running_mean", ".running_var"];

/// Layer that a parameter belongs to, if it has such a name: `layer1.0.conv1.weight` → `layer1.0.conv1`.
pub(super) fn owner(parameter: &str) -> Option<&str> {
    PARAMETERS.iter().find_map(|part| parameter.strip_suffix(part)).filter(|layer| !layer.is_empty())
}

/// The name of a node: PyTorch's exporter writes modules as a path, each with the name of the one around it:
/// `/layer1/layer1.0/conv1/Conv` → `layer1.0.conv1.Conv`. Of a node with parameters the module alone is its name.
pub(super) fn of_node(label: &str, has_parameters: bool) -> String {
    let Some(path) = label.strip_prefix('/') else { return label.to_owned() };
    let mut parts: Vec<&str> = path.split('/').collect();
    if has_parameters && parts.len() > 1 {
        parts.pop();
    }
    let mut name = String::new();
    let mut parent = "";
    for part in parts {
        let own = part.strip_prefix(parent).and_then(|rest| rest.strip_prefix('.'));
        let own = if parent.is_empty() { part } else { own.unwrap_or(part) };
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(own);
        parent = part;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_owners() {
        assert_eq!(owner("layer1.0.conv1.weight"), Some("layer1.0.conv1"));
        assert_eq!(owner("bn.running_var"), Some("bn"));
        assert_eq!(owner("onnx::Conv_273"), None);
        assert_eq!(owner(".weight"), None);
    }

    #[test]
    fn paths_of_modules() {
        for (label, has_parameters, name) in [
            ("/layer1/layer1.0/conv1/Conv", true, "layer1.0.conv1"),
            ("/inception3a/branch2/branch2.0/conv/Conv", true, "inception3a.branch2.0.conv"),
            ("/features/features.10/Conv", true, "features.10"),
            ("/layer1/layer1.0/relu_1/Relu", false, "layer1.0.relu_1.Relu"),
            ("/Flatten", false, "Flatten"),
            ("/Gemm", true, "Gemm"),
            ("Conv_3", true, "Conv_3"),
        ] {
            assert_eq!(of_node(label, has_parameters), name);
        }
    }
}
