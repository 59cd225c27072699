//! A layer names only those above it, and the first ones nothing of the world
//! outside.

use super::code::{code, names_after, words};
use super::{File, LAYERS, PURE_LAYERS, check, kept, rust};

fn imports(file: &File) -> Vec<String> {
    let own = match file.layer() {
        Ok(None) => return Vec::new(),
        Ok(Some(own)) => own,
        Err(folder) => {
            return vec![file.says(0, &format!("`{folder}` is not one of the layers"))];
        }
    };
    let code = code(&file.text);
    let mut findings = Vec::new();
    for (at, name) in names_after(&code, "crate") {
        match LAYERS.iter().position(|layer| *layer == name) {
            None => findings.push(file.says(at, &format!("`crate::{name}` is no layer"))),
            Some(other) if other > own => {
                let what = format!("`{}` is below `{name}` and must not name it", LAYERS[own]);
                findings.push(file.says(at, &what));
            }
            Some(_) => {}
        }
    }
    findings.extend(words(&code, "super").filter_map(|at| {
        let steps = code[at..].split("::").take_while(|part| *part == "super");
        let first = !code[..at].ends_with("super::");
        let out = first && steps.count() >= depth(&file.path);
        out.then(|| file.says(at, "`super` leaves the layer; write `crate::…`"))
    }));
    findings
}

/// Modules from the crate's root to this file: `src/engine/value.rs` has two.
fn depth(path: &str) -> usize {
    let folders = path.matches('/').count();
    match path.ends_with("/mod.rs") {
        true => folders - 1,
        false => folders,
    }
}

#[test]
fn a_layer_names_only_those_above_it() {
    let engine = "src/engine/a.rs";
    check(engine, "use crate::policy::Bundle;\n", imports, &[]);
    check(engine, "use crate::engine::Value;\n", imports, &[]);
    check(engine, "// crate::node\n", imports, &[]);
    check(
        engine,
        "\nuse crate::node::Point;\n",
        imports,
        &[(2, "`engine` is below `node`")],
    );
    check(
        engine,
        "use crate::{policy::Bundle, api};\n",
        imports,
        &[(1, "`api`")],
    );
    check(
        engine,
        "fn f() { crate::directory::g() }\n",
        imports,
        &[(1, "`directory`")],
    );
    check(engine, "use crate::help::x;\n", imports, &[(1, "no layer")]);
    check(engine, "use super::Value;\n", imports, &[]);
    check(
        engine,
        "use super::super::node::Point;\n",
        imports,
        &[(1, "leaves the layer")],
    );
    check(
        "src/engine/mod.rs",
        "use super::node;\n",
        imports,
        &[(1, "leaves the layer")],
    );
    check(
        "src/engine/explain/b.rs",
        "use super::super::Value;\n",
        imports,
        &[],
    );
    check(
        "src/tools/a.rs",
        "",
        imports,
        &[(1, "`tools` is not one of the layers")],
    );
    kept(&rust("src"), imports);
}

fn outside_world(file: &File) -> Vec<String> {
    match file.layer() {
        Ok(Some(layer)) if layer < PURE_LAYERS => {}
        _ => return Vec::new(),
    }
    let code = code(&file.text);
    let mut findings = Vec::new();
    for (at, name) in names_after(&code, "std") {
        if ["fs", "net", "env", "process"].contains(&name.as_str()) {
            findings.push(file.says(at, &format!("`std::{name}` has no place in this layer")));
        }
    }
    for word in ["tokio", "axum", "SystemTime", "Instant"] {
        let found = words(&code, word);
        findings
            .extend(found.map(|at| file.says(at, &format!("`{word}` has no place in this layer"))));
    }
    for clock in ["Timestamp", "Zoned"] {
        for (at, name) in names_after(&code, clock) {
            if name == "now" {
                findings.push(file.says(at, &format!("`{clock}::now`: time is an input here")));
            }
        }
    }
    findings
}

#[test]
fn the_first_layers_have_no_outside_world() {
    let policy = "src/policy/a.rs";
    check(
        policy,
        "use std::collections::BTreeMap;\n",
        outside_world,
        &[],
    );
    check(policy, "// std::fs\n", outside_world, &[]);
    check(
        policy,
        "\nuse std::fs;\n",
        outside_world,
        &[(2, "`std::fs`")],
    );
    check(
        policy,
        "use std::{fmt, net::IpAddr};\n",
        outside_world,
        &[(1, "`std::net`")],
    );
    check(
        policy,
        "let a = std::env::var(\"A\");\n",
        outside_world,
        &[(1, "`std::env`")],
    );
    check(
        policy,
        "let t = std::time::Instant::now();\n",
        outside_world,
        &[(1, "`Instant`")],
    );
    check(
        policy,
        "Timestamp::now()",
        outside_world,
        &[(1, "time is an input")],
    );
    check(
        policy,
        "tokio::spawn(f);\n",
        outside_world,
        &[(1, "`tokio`")],
    );
    check("src/node/a.rs", "use std::fs;\n", outside_world, &[]);
    kept(&rust("src"), outside_world);
}
