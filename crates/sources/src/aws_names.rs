//! What AWS's billing codes mean: services, regions, units, resource types, entities.
//!
//! Every function is pure, takes text where `""` means absent, and knows nothing of files or
//! columns: `to_focus.sql` decides which column goes where. The tables in `aws_names/data/` are
//! this project's own, built from the facts about real bills; each is parsed once, at first use.
//! Start at [`service`], [`region_id`] and [`AttributeNames`].

mod entities;
mod regions;
mod resources;
mod services;
mod sku_price_details;
mod table;
mod units;
mod usage_types;

pub use entities::{invoice_issuer, is_aws_entity, publisher};
pub use regions::{region_by_location, region_id, region_name};
pub use resources::resource_type;
pub use services::{Service, service, service_of_cost_explorer};
pub use sku_price_details::AttributeNames;
pub use units::pricing_unit;
pub use usage_types::{capacity_reservation_status, is_spot, operating_system_from_operation};
