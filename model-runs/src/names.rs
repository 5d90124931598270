//! Whether a test that a table names is there.

use std::fs;
use std::path::Path;

/// Whether the models of a workspace have that test: `module::test`, or
/// `module::inner::test`, in the module's file.
pub fn is_there(workspace: &Path, test: &str) -> bool {
    let Some((module, path)) = test.split_once("::") else { return false };
    let file = workspace.join("loom-tests/tests/models").join(format!("{module}.rs"));
    fs::read_to_string(file).is_ok_and(|source| declares(&source, path))
}

fn declares(source: &str, path: &str) -> bool {
    let (modules, name) = path.rsplit_once("::").map_or((None, path), |(m, name)| (Some(m), name));
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let mut modules = modules.into_iter().flat_map(|modules| modules.split("::"));
    let signature = format!("fn {name}()");
    modules.all(|module| lines.contains(&format!("mod {module} {{").as_str()))
        && lines.windows(2).any(|pair| pair[0] == "#[test]" && pair[1].starts_with(&signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_there_by_its_module_and_name_and_nothing_else_is() {
        let source = "mod inner {\n    #[test]\n    fn holds() {\n    }\n}\nfn helps() {\n}\n";
        assert!(declares(source, "inner::holds") && declares(source, "holds"));
        for path in ["outer::holds", "hold", "helps", "inner::helps"] {
            assert!(!declares(source, path), "{path}");
        }
        let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        assert!(is_there(workspace, "trip::one_failure_alone_trips"));
        assert!(!is_there(workspace, "trips::one_failure_alone_trips"));
        assert!(!is_there(workspace, "one_failure_alone_trips"));
    }
}
