//! What the parts of a node share.

use std::sync::Arc;

use postrider_store::{AppCache, Store};

use crate::lanes::Lanes;
use crate::lease::Lease;
use crate::pulse::Pulses;
use crate::settings::DeliverySettings;
use crate::status::StatusBoard;

/// One node of the installation, from within.
pub(crate) struct Node {
    pub(crate) store: Store,
    pub(crate) cache: AppCache,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) lease: Arc<Lease>,
    pub(crate) board: Arc<StatusBoard>,
    pub(crate) pulses: Arc<Pulses>,
    pub(crate) settings: DeliverySettings,
}
