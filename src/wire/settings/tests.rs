use std::path::PathBuf;

use super::WireSettings;

#[test]
fn an_empty_section_has_the_defaults_and_unknown_settings_are_refused() {
    assert_eq!(toml::from_str(""), Ok(WireSettings::default()));
    assert!(toml::from_str::<WireSettings>("allow_network = []").is_err());
    assert!(toml::from_str::<WireSettings>("allow_networks = [\"127.0.0.0/40\"]").is_err());
    let given = toml::from_str::<WireSettings>(
        "allow_networks = [\"127.0.0.0/8\", \"::1/128\"]\nextra_ca_file = \"ca.pem\"\n\
         calls_in_flight_max = 5",
    );
    let networks = ["127.0.0.0/8", "::1/128"].map(|text| text.parse().expect("network"));
    let expect = WireSettings {
        allow_networks: networks.to_vec(),
        extra_ca_file: Some(PathBuf::from("ca.pem")),
        calls_in_flight_max: 5,
        ..WireSettings::default()
    };
    assert_eq!(given, Ok(expect));
}

#[test]
fn a_setting_out_of_its_bounds_is_named() {
    assert!(WireSettings::default().check().is_ok());
    let none = WireSettings { calls_in_flight_max: 0, ..WireSettings::default() };
    let small = WireSettings { reply_headers_bytes_max: 8191, ..WireSettings::default() };
    for (settings, expect) in [
        (none, "wire.calls_in_flight_max is 0, but must be 1 to 10000"),
        (small, "wire.reply_headers_bytes_max is 8191, but must be 8192 to 1048576"),
    ] {
        assert_eq!(settings.check().map_err(|error| error.to_string()), Err(expect.to_owned()));
    }
}
