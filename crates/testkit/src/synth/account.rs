//! Who pays and who uses: the two payers of the synthetic organisation and their accounts.

use std::sync::Arc;

use crate::random;

/// What an account is for; it decides what runs in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The payer's own account: fees and little else.
    Management,
    /// Customer-facing workloads.
    Production,
    /// Tests and rehearsals.
    Staging,
    /// Pipelines and warehouses.
    Data,
    /// Training and inference.
    Learning,
    /// Networks, registries, backups.
    Shared,
    /// Audit and detection.
    Security,
    /// Experiments.
    Sandbox,
}

/// One AWS account.
#[derive(Debug, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits; may begin with noughts.
    pub id: &'static str,
    /// Name in AWS Organizations (legacy reports do not carry it).
    pub name: &'static str,
    /// What runs here.
    pub role: Role,
    /// Home region, such as `eu-west-1`.
    pub region: &'static str,
    /// Cost category → value, by rules on the account; on every line of the account.
    pub categories: Vec<(&'static str, &'static str)>,
}

/// One management account with everything that it pays for.
#[derive(Clone, Debug)]
pub struct Payer {
    /// Twelve digits.
    pub id: &'static str,
    /// Company name.
    pub name: &'static str,
    /// ISO 4217 code of every amount.
    pub currency: &'static str,
    /// The AWS company on the invoice.
    pub invoicing_entity: &'static str,
    /// Member accounts, the management account first.
    pub accounts: Vec<Arc<Account>>,
    /// Percent off most AWS charges by an enterprise agreement; with it the bill has Net columns
    /// and `EdpDiscount` rows.
    pub edp_percent: Option<i64>,
    /// `TaxType` of its tax rows.
    pub tax_type: &'static str,
    /// Tax on AWS charges, in hundredths of a percent.
    pub tax_basis_points: i64,
    /// Tag keys in use, as report columns name them after `resourceTags/`.
    pub tag_keys: &'static [&'static str],
    /// Names of the cost categories in use.
    pub category_names: &'static [&'static str],
    /// Its place among [`payers`]; picks fleets and commitments.
    pub(super) index: usize,
}

impl Payer {
    /// The account with this role; the management account where there is none.
    pub(super) fn account(&self, role: Role) -> Option<&Arc<Account>> {
        self.accounts.iter().find(|account| account.role == role).or(self.accounts.first())
    }
}

/// Name, id, role, region, then the values of the payer's cost categories.
type Row = (&'static str, &'static str, Role, &'static str, [&'static str; 2]);

const ACME: [Row; 8] = [
    ("Acme", "111122223333", Role::Management, "us-east-1", ["Platform", "Shared"]),
    ("Acme Shop Production", "210987654321", Role::Production, "us-east-1", ["Retail", "Prod"]),
    ("Acme Shop Staging", "210987654322", Role::Staging, "us-east-1", ["Retail", "NonProd"]),
    ("Acme Data Platform", "012345678901", Role::Data, "us-west-2", ["Data", "Prod"]),
    ("Acme Machine Learning", "310987654323", Role::Learning, "us-east-1", ["Data", "Prod"]),
    ("Acme Shared Services", "310987654324", Role::Shared, "us-east-1", ["Platform", "Shared"]),
    ("Acme Security", "310987654325", Role::Security, "us-east-1", ["Platform", "Shared"]),
    ("Acme Sandbox", "310987654326", Role::Sandbox, "us-east-2", ["", "NonProd"]),
];

const GLOBEX: [Row; 5] = [
    ("Globex", "444455556666", Role::Management, "eu-west-1", ["CC-1000", ""]),
    ("Globex Production", "555566667777", Role::Production, "eu-west-1", ["CC-2010", ""]),
    ("Globex Development", "555566667778", Role::Staging, "eu-west-1", ["CC-2020", ""]),
    ("Globex Analytics", "555566667779", Role::Data, "eu-central-1", ["CC-3000", ""]),
    ("Globex Shared", "000566667780", Role::Shared, "eu-west-1", ["CC-1000", ""]),
];

const ACME_CATEGORIES: &[&str] = &["BusinessUnit", "Stage"];
const GLOBEX_CATEGORIES: &[&str] = &["CostCentre"];

/// Acme, in the United States without discounts, and Globex, in Europe with an enterprise
/// agreement.
pub(super) fn payers() -> Vec<Payer> {
    let acme = Payer {
        id: "111122223333",
        name: "Acme",
        currency: "USD",
        invoicing_entity: "Amazon Web Services, Inc.",
        accounts: accounts(&ACME, ACME_CATEGORIES),
        edp_percent: None,
        tax_type: "US Sales Tax",
        tax_basis_points: 825,
        tag_keys: &["aws:createdBy", "user:Name", "user:env", "user:team"],
        category_names: ACME_CATEGORIES,
        index: 0,
    };
    let globex = Payer {
        id: "444455556666",
        name: "Globex",
        currency: "USD",
        invoicing_entity: "Amazon Web Services EMEA SARL",
        accounts: accounts(&GLOBEX, GLOBEX_CATEGORIES),
        edp_percent: Some(9),
        tax_type: "VAT",
        tax_basis_points: 2_000,
        tag_keys: &["user:Name", "user:Team", "user:env", "user:team"],
        category_names: GLOBEX_CATEGORIES,
        index: 1,
    };
    vec![acme, globex]
}

fn accounts(rows: &[Row], names: &'static [&'static str]) -> Vec<Arc<Account>> {
    let account = |&(name, id, role, region, values): &Row| {
        let categories = names.iter().copied().zip(values);
        let categories = categories.filter(|(_, value)| !value.is_empty()).collect();
        Arc::new(Account { id, name, role, region, categories })
    };
    rows.iter().map(account).collect()
}

/// One thing that costs money, as the bill knows it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// ARN, EC2 id or bucket name; empty where the service names none.
    pub id: String,
    /// Zone such as `us-east-1a`; empty when the charge has none.
    pub availability_zone: String,
    /// Tag column (such as `user:env`) → value, in the payer's order of keys; no empty values.
    pub tags: Vec<(&'static str, String)>,
}

/// Which tags the `number`th resource called `slug` of `account` has: some are forgotten.
pub(super) fn tags(
    seed: u64,
    payer: &Payer,
    account: &Account,
    slug: &str,
    number: u32,
) -> Vec<(&'static str, String)> {
    let bits = random::hash(seed, &format!("{}/{slug}/{number}/tags", account.id));
    let value = |key: &'static str| {
        let percent = random::below(random::hash(bits, key), 100);
        match key {
            "user:Name" if number == 1 && slug == "web" => Some("web, \"blue\" canary".to_owned()),
            "user:Name" => (percent < 82).then(|| format!("{slug}-{number:02}")),
            "user:env" => (percent < 91).then(|| environment(account.role).to_owned()),
            "user:team" => (percent < 78).then(|| team(slug, account.role).to_owned()),
            "user:Team" => (percent < 35).then(|| title(team(slug, account.role))),
            _ => (percent < 30).then(|| format!("Root:{}", account.id)),
        }
    };
    payer.tag_keys.iter().filter_map(|&key| value(key).map(|text| (key, text))).collect()
}

fn environment(role: Role) -> &'static str {
    match role {
        Role::Production | Role::Data | Role::Learning => "prod",
        Role::Staging => "staging",
        Role::Sandbox => "dev",
        Role::Management | Role::Shared | Role::Security => "shared",
    }
}

fn team(slug: &str, role: Role) -> &'static str {
    match (slug, role) {
        ("orders" | "payments", _) => "checkout",
        ("search" | "catalog", _) => "discovery",
        (_, Role::Production | Role::Staging) => "storefront",
        (_, Role::Data) => "data-platform",
        (_, Role::Learning) => "recommendations",
        (_, Role::Security) => "security",
        (_, Role::Management | Role::Shared | Role::Sandbox) => "platform",
    }
}

/// `text` with a capital first letter.
fn title(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}
