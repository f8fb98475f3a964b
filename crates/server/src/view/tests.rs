use billhook_engine::report::Scope;

use super::{How, View};
use crate::ask::pairs;

fn parsed(query: &str) -> Result<View, String> {
    View::parse(&pairs(query.as_bytes())).map_err(|fail| {
        let link = fail.link.map(|link| format!(" [{}]({})", link.0, link.1));
        format!("{}{}", fail.why, link.unwrap_or_default())
    })
}

fn canonical(query: &str) -> String {
    parsed(query).unwrap().query()
}

#[test]
fn equal_views_have_one_address() {
    for (query, expected) in [
        ("", ""),
        ("period=mtd&metric=BilledCost&by=ServiceName&grain=auto&cmp=none&view=bars&top=6", ""),
        ("by=", "by="),
        ("by=&by=", "by="),
        ("by=service&by=account&by=", "by=ServiceName&by=SubAccountId"),
        ("metric=effective&period=2026-10", "period=2026-10&metric=EffectiveCost"),
        ("from=2026-11-01&last=2026-11-18", "from=2026-11-01&to=2026-11-19"),
        ("is.tag:team=web&is.region=b&is.region=a&is.region=b", {
            "is.RegionId=a&is.RegionId=b&is.tag%3Ateam=web"
        }),
        ("is.tag:team=", "is.tag%3Ateam="),
        ("like.service=s3&not.service=x&is.service=y", {
            "is.ServiceName=y&not.ServiceName=x&like.ServiceName=s3"
        }),
        ("cmp=2026-10-01..2026-10-19&exact=1&sort=-change&asof=2026-11-03T00:00:00Z", {
            "cmp=2026-10-01..2026-10-19&asof=2026-11-03T00%3A00%3A00Z&exact=1&sort=-change"
        }),
        ("top=all&scope=all&after=50", "top=all&scope=all&after=50"),
    ] {
        let once = canonical(query);
        assert_eq!(once, expected, "{query}");
        assert_eq!(canonical(&once), once, "{query}");
    }
}

#[test]
fn what_is_unknown_is_named_with_what_is_near() {
    for (query, told) in [
        ("metric=Cost&top=3", "is no metric"),
        ("metric=BiledCost&top=3", "[Use BilledCost](?metric=BilledCost&top=3)"),
        ("metrik=BilledCost", "Did you mean metric?"),
        ("by=ServceName", "[Use ServiceName](?by=ServiceName)"),
        ("period=soon&top=3", "[Leave it out](?top=3)"),
        ("top=11", "1 to 10"),
        ("cmp=mtd", "cannot be compared with"),
        ("from=2026-11-01", "both"),
        ("from=2026-11-02&to=2026-11-01", "before"),
        ("currency=euro", "three letters"),
        ("by=a'b", "there is no column"),
        ("by=service&by=account&by=region", "two columns at most"),
        ("sort=price", "sorts nothing"),
        ("is.nothing=1", "there is no column"),
    ] {
        let error = parsed(query).unwrap_err();
        assert!(error.contains(told), "{query}: {error}");
    }
}

#[test]
fn conditions_are_added_and_taken_away() {
    let view = View::new().with(How::Is, "ServiceName", "b").with(How::Is, "ServiceName", "a");
    assert_eq!(view.query(), "is.ServiceName=a&is.ServiceName=b");
    let filter = view.filters[0].clone();
    assert_eq!(filter.label(), "ServiceName = a or b");
    assert_eq!(view.without(&filter).query(), "");
}

#[test]
fn the_command_gives_the_same_figures() {
    let view = parsed("is.service=Amazon S3&not.tag:a%3Db=x,y&scope=all&cmp=month").unwrap();
    assert_eq!(view.scope, Scope::All);
    assert_eq!(
        view.command(),
        r"billhook report --by ServiceName --period mtd --metric BilledCost --filter 'ServiceName=Amazon S3' --not 'tag:a\=b=x\,y' --compare month --scope all"
    );
}
