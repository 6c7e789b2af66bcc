//! Stations of a sandbox, played on this machine: each has a key of its own and a certificate that the instance has made for it.

use std::path::PathBuf;

use domain::{Channel, LocationId, StationId, Timestamp};
use pki::{Certificate, KeyKind, PrivateKey, make_csr};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::drawer::{Drawer, pem};
use super::line::Line;
use crate::error::ClientError;
use crate::{files, surroundings};

/// A station's file larger than this is not read.
const MAX_FILE: u64 = 256 * 1024;
/// The longest id, characters.
const LONGEST: usize = 64;

/// The key of a station that is put into service.
#[derive(Debug)]
pub struct StationKey {
    /// The station's id.
    pub station: StationId,
    /// The request for its certificate, PEM.
    pub csr: String,
    key: Zeroizing<String>,
}

/// A station in service.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Station {
    /// Its certificate with its issuers, PEM.
    chain: String,
    /// Its key, PKCS#8 PEM.
    key: Zeroizing<String>,
    /// The last moment of the certificate.
    not_after: Timestamp,
}

impl std::fmt::Debug for Station {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Station").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

impl StationKey {
    /// A key for the station of that channel and place.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(channel: Channel, location: &LocationId) -> Result<Self, ClientError> {
        let defect = |error: &dyn std::fmt::Display| {
            let hint = "this is a defect: report it";
            ClientError::context("phone.station", format!("the station's key cannot be made: {error}"), hint)
        };
        let key = PrivateKey::generate(KeyKind::P256).map_err(|error| defect(&error))?;
        let csr = make_csr(&key, "station").map_err(|error| defect(&error))?;
        let station = name(channel, location).parse().map_err(|error| defect(&error))?;
        Ok(Self { station, csr, key: pem(&key)? })
    }

    /// The station with the certificate that was made of the request; `chain` has its issuers.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn certified(self, certificate: &str, chain: &[String]) -> Result<Station, ClientError> {
        let read = Certificate::from_pem(certificate.as_bytes()).map_err(|error| {
            let hint = "this is a defect: report it";
            ClientError::context("phone.station", format!("the station's certificate cannot be read: {error}"), hint)
        })?;
        let not_after = read.view().not_after;
        let chain = std::iter::once(certificate).chain(chain.iter().map(String::as_str)).collect();
        Ok(Station { chain, key: self.key, not_after })
    }
}

impl Station {
    /// The one of that channel and place, when it has been put into service from here and its certificate is still good.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn kept(drawer: &Drawer, channel: Channel, location: &LocationId) -> Result<Option<Self>, ClientError> {
        let path = path(drawer, channel, location);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = Zeroizing::new(files::read(&path, MAX_FILE)?);
        // What cannot be read is as good as none: the station is put into service again.
        let station: Option<Self> = serde_json::from_slice(&bytes).ok();
        Ok(station.filter(|station| station.not_after > surroundings::now()))
    }

    /// Keeps it beside the phones.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, drawer: &Drawer, channel: Channel, location: &LocationId) -> Result<(), ClientError> {
        files::private_folder(drawer.folder())?;
        let text = Zeroizing::new(serde_json::to_vec(self).unwrap_or_default());
        Ok(files::write_private(&path(drawer, channel, location), &text)?)
    }

    /// Its way to the public listener.
    ///
    /// # Errors
    /// When the address is none, or its certificate or key cannot be used.
    pub fn line(&self, public_url: &str, ca: &[u8]) -> Result<Line, ClientError> {
        Line::of_station(public_url, ca, &self.chain, &self.key)
    }
}

/// `virtual-kiosk-harbour-road-sports-centre`, cut to the length of an id.
fn name(channel: Channel, location: &LocationId) -> String {
    let mut name = format!("virtual-{channel}-{location}");
    name.truncate(LONGEST);
    name.truncate(name.trim_end_matches('-').len());
    name
}

fn path(drawer: &Drawer, channel: Channel, location: &LocationId) -> PathBuf {
    drawer.folder().join(format!("{}.station.json", name(channel, location)))
}
