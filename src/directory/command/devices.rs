//! Devices and Autopilot profiles (A-AP, B-PC-12).

use super::plan::Planner;
use super::{Command, CommandError};
use crate::directory::facts::{AutopilotProfile, Device};
use crate::directory::{Fact, Key};

/// Devices that are added at once. Our choice: what a batch of questions may be.
const DEVICES_MAX: usize = 1_000;

/// The channel of partners (A-AP-02).
const PARTNER_CENTER: &str = "partner-center";
/// The channels of customers (A-AP-03).
const OF_CUSTOMERS: [&str; 3] = [
    "microsoft-store-for-business",
    "microsoft-store-for-education",
    "intune-portal",
];

impl Planner {
    /// One of the commands of this file; another does nothing.
    pub(super) fn run_devices(&mut self, command: &Command) -> Result<(), CommandError> {
        match command {
            Command::AddDevices {
                customer,
                partner,
                channel,
                devices,
            } => self.add_devices(customer, partner.as_deref(), channel, devices),
            Command::DeleteDevice { device } => {
                let key = Key::Device(device.clone());
                self.known(&key)?;
                Ok(self.remove(key)?)
            }
            Command::AddAutopilotProfile {
                customer,
                partner,
                profile,
                name,
                settings,
            } => {
                let key = Key::AutopilotProfile(profile.clone());
                self.is_new(&key, "update it, or give the new one another id")?;
                Ok(self.put(Fact::AutopilotProfile(AutopilotProfile {
                    id: profile.clone(),
                    customer: customer.clone(),
                    owner: partner.clone(),
                    name: name.clone(),
                    settings: settings.iter().cloned().collect(),
                }))?)
            }
            Command::UpdateAutopilotProfile {
                profile,
                name,
                settings,
            } => {
                let mut fact = self.profile(profile)?;
                fact.name.clone_from(name);
                fact.settings = settings.iter().cloned().collect();
                Ok(self.put(Fact::AutopilotProfile(fact))?)
            }
            Command::DeleteAutopilotProfile { profile } => self.delete_profile(profile),
            Command::ApplyAutopilotProfile { profile, device } => {
                let profile = self.profile(profile)?;
                let mut device = self.device(device)?;
                device.profile = Some(profile.id);
                Ok(self.put(Fact::Device(device))?)
            }
            Command::RemoveAutopilotProfile { profile, device } => {
                self.take_profile_off(profile, device)
            }
            _ => Ok(()),
        }
    }

    fn add_devices(
        &mut self,
        customer: &str,
        partner: Option<&str>,
        channel: &str,
        devices: &[String],
    ) -> Result<(), CommandError> {
        let invalid = |field, message: String, remedy| CommandError::Invalid {
            field,
            message,
            remedy,
        };
        let fits = match partner {
            Some(_) => channel == PARTNER_CENTER,
            None => OF_CUSTOMERS.contains(&channel),
        };
        if !fits {
            return Err(invalid(
                "channel",
                format!("`{channel}` is not the channel of who adds the devices"),
                "a partner adds through partner-center; a customer through \
                 microsoft-store-for-business, microsoft-store-for-education or intune-portal",
            ));
        }
        if devices.is_empty() || devices.len() > DEVICES_MAX {
            return Err(invalid(
                "devices",
                format!(
                    "one to {DEVICES_MAX} devices are added at once; there are {}",
                    devices.len()
                ),
                "split them",
            ));
        }
        self.known(&Key::Customer(customer.to_owned()))?;
        for id in devices {
            self.is_new(&Key::Device(id.clone()), "leave this device out")?;
            self.put(Fact::Device(Device {
                id: id.clone(),
                customer: customer.to_owned(),
                added_by: partner.map(str::to_owned),
                channel: channel.to_owned(),
                profile: None,
            }))?;
        }
        Ok(())
    }

    fn delete_profile(&mut self, id: &str) -> Result<(), CommandError> {
        let key = Key::AutopilotProfile(id.to_owned());
        self.known(&key)?;
        let devices = self.world.uses_of(&key).count();
        if devices > 0 {
            return Err(CommandError::Refused {
                rules: &["B-PC-12"],
                message: format!("the profile `{id}` is on {devices} devices"),
                remedy: "take it off them first",
            });
        }
        Ok(self.remove(key)?)
    }

    fn take_profile_off(&mut self, profile: &str, device: &str) -> Result<(), CommandError> {
        let mut fact = self.device(device)?;
        if fact.profile.as_deref() != Some(profile) {
            return Err(CommandError::NotFound {
                what: format!("profile `{profile}` on the device `{device}`"),
            });
        }
        fact.profile = None;
        Ok(self.put(Fact::Device(fact))?)
    }

    fn device(&self, id: &str) -> Result<Device, CommandError> {
        let found = self.world.devices.get(id).map(|held| Device::clone(held));
        found.ok_or_else(|| CommandError::not_found(&Key::Device(id.to_owned())))
    }

    fn profile(&self, id: &str) -> Result<AutopilotProfile, CommandError> {
        let found = self.world.autopilot_profiles.get(id);
        let found = found.map(|held| AutopilotProfile::clone(held));
        found.ok_or_else(|| CommandError::not_found(&Key::AutopilotProfile(id.to_owned())))
    }
}
