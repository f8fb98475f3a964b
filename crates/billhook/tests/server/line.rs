//! The page of a line: what each column is made of, and where it comes from.

use crate::bill::{self, MONTH};
use crate::client::encoded;
use crate::home::Home;
use crate::house::House;

#[test]
fn a_line_tells_what_its_columns_are_made_of() {
    let home = Home::new();
    bill::small(&home);
    let mut house = House::open(home);
    let lines = house.viewer.api(&format!("/api/v1/costs/lines?period={MONTH}"));
    let source = &lines["lines"][0]["source"];
    let text = |name: &str| source[name].as_str().unwrap().to_owned();
    let (connection, period, revision) = (text("connection"), text("period"), text("revision"));
    let (file, row, part) = (text("file"), source["row"].to_string(), text("part"));
    let query = encoded(&[
        ("connection", connection.as_str()),
        ("period", period.as_str()),
        ("revision", revision.as_str()),
        ("file", file.as_str()),
        ("row", row.as_str()),
        ("part", part.as_str()),
    ]);
    let line = house.viewer.api(&format!("/api/v1/costs/line?{query}"));
    assert_eq!(line["mapping"]["kind"], "cur");
    let cells = line["cells"].as_array().unwrap();
    let rule = |name: &str| {
        let cell = cells.iter().find(|cell| cell["name"] == name).unwrap();
        cell["rule"].clone()
    };
    let billed = rule("BilledCost");
    let sources = billed["sources"].as_array().unwrap();
    let cost = sources.iter().find(|own| own["header"] == "lineItem/UnblendedCost").unwrap();
    assert_eq!(cost["value"], "10.5");
    assert_eq!(cost["kept_in"], "x_UnblendedCost");
    assert_eq!(rule("x_ServiceCode")["words"], "lineItem/ProductCode as it was delivered");
    assert!(rule("x_Connection").is_null());
    let page = house.viewer.page(&format!("/costs/line?{query}"));
    for told in ["lineItem/UnblendedCost = 10.5", "/help/mappings/cur", "lineItem/ProductCode"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let page = house.viewer.page("/help/mappings/cur");
    assert!(page.contains("billed_cost") && page.contains("IS DISTINCT FROM"), "{page}");
    let lost = house.viewer.get("/help/mappings/nothing");
    assert_eq!(lost.status, 404);
    assert!(lost.text().contains("data_export"), "{}", lost.text());
}
