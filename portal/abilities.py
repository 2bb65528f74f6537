"""What of a browser's abilities pages here may use: hardly any, and nobody whom they embed."""

# The browser's abilities that no page here asks for; what is left out is what scripts here use.
# Names that Chromium does not know are none of them: it would complain about each on every page.
DENIED = (
    *("accelerometer", "autoplay", "browsing-topics"),
    *("camera", "clipboard-read", "compute-pressure", "cross-origin-isolated", "display-capture"),
    *("encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope", "hid"),
    *("identity-credentials-get", "idle-detection", "interest-cohort", "keyboard-map"),
    *("local-fonts", "magnetometer", "microphone", "midi", "otp-credentials", "payment"),
    *("picture-in-picture", "screen-wake-lock", "serial", "storage-access", "sync-xhr", "usb"),
    *("window-management", "xr-spatial-tracking"),
)
# Copying an address, and passkeys: by this site's own pages alone.
OWN = ("clipboard-write", "publickey-credentials-create", "publickey-credentials-get")
POLICY: dict[str, list[str]] = {name: [] for name in DENIED} | {name: ["self"] for name in OWN}
