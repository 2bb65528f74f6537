"""What a browser calls itself, in two words that its owner knows it by."""

# The first that is found counts: most browsers also name those they want to be taken for.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Vivaldi": "Vivaldi",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "HeadlessChrome": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "iPhone": "an iPhone",
    "iPad": "an iPad",
    "Android": "Android",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Mac OS": "a Mac",
    "Linux": "Linux",
}


def browser_told(user_agent: str) -> str:
    """Return such as "Firefox on Linux"; how far it is true only the browser knows."""
    browser = next((name for part, name in BROWSERS.items() if part in user_agent), "")
    system = next((name for part, name in SYSTEMS.items() if part in user_agent), "")
    return " on ".join(filter(None, [browser or "A browser", system]))
