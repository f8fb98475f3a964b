//! psql itself.

use std::process::Command;

use super::support::{Scene, program};

/// Output and errors of psql after some commands.
async fn psql(scene: &Scene, commands: &[&str]) -> Option<(String, String)> {
    let psql = program("psql")?;
    let place = format!("host=127.0.0.1 port={} user=anybody dbname=billhook", scene.port);
    let mut command = Command::new(psql);
    command.arg(place).args(["-X", "-At", "-v", "ON_ERROR_STOP=0"]);
    for text in commands {
        command.args(["-c", text]);
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Some((text(output.stdout), text(output.stderr)))
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_lists_tables_and_columns() {
    let scene = Scene::new().await;
    let Some((out, err)) = psql(&scene, &["\\d"]).await else { return };
    assert_eq!(err, "");
    assert!(out.contains("public|costs|view"), "{out}");
    let (out, err) = psql(&scene, &["\\dt"]).await.unwrap();
    assert_eq!(err, "");
    assert!(out.contains("public|cost_and_usage|table"), "{out}");
    let (out, err) = psql(&scene, &["\\dv"]).await.unwrap();
    assert_eq!(err, "");
    assert!(out.contains("public|focus_data_table|view"), "{out}");
    let (out, err) = psql(&scene, &["\\d costs"]).await.unwrap();
    assert_eq!(err, "");
    assert!(out.contains("BilledCost|numeric"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_copies_to_a_file_of_its_own() {
    let scene = Scene::new().await;
    let file = scene.root.path().join("services.csv");
    let copy = format!(
        "\\copy (SELECT ServiceName, SUM(BilledCost) AS Cost FROM costs GROUP BY 1) TO '{}' \
         CSV HEADER",
        file.display()
    );
    let Some((out, err)) = psql(&scene, &[copy.as_str()]).await else { return };
    assert_eq!(err, "", "{out}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("ServiceName,Cost\n"), "{text}");
    assert!(text.lines().count() > 3, "{text}");
    let (_, err) = psql(&scene, &["SELECT nothing FROM costs"]).await.unwrap();
    assert!(err.contains("column \"nothing\" does not exist"), "{err}");
    assert!(err.contains("LINE 1"), "{err}");
}
