"""Names of generators in fields that say which program made a file."""

import re

# Only names that mean nothing else in such a field: "Flux", "Gemini" or "Firefly" alone might.
_NAMES = (
    (r"midjourney|niji journey", "Midjourney"),
    (r"dall[\s·•-]?e\b", "DALL-E (OpenAI)"),
    (r"open\s?ai|chat\s?gpt|gpt-image|gpt-4o", "OpenAI"),
    (r"adobe firefly", "Adobe Firefly"),
    (r"novel\s?ai", "NovelAI"),
    (r"invoke\s?ai", "InvokeAI"),
    (r"comfy\s?ui", "ComfyUI"),
    (r"automatic1111|stable[\s-]?diffusion|\bsd\.next\b|sdxl", "Stable Diffusion"),
    (r"stability\.?\s?ai|dreamstudio|stableswarm|swarmui", "Stability AI"),
    (r"fooocus", "Fooocus"),
    (r"leonardo\.?ai", "Leonardo.Ai"),
    (r"ideogram\.?\s?ai|\bideogram\b", "Ideogram"),
    (r"made with google ai|google imagen|imagen [234]\b|nano banana|gemini [\d.]+", "Google"),
    (r"imagined with ai|meta ai\b", "Meta AI"),
    (r"bing image creator|image creator from (?:microsoft )?designer", "Microsoft"),
    (r"flux\.[12]|black forest labs", "FLUX"),
    (r"draw things", "Draw Things"),
    (r"easy diffusion|diffusionbee|mochi diffusion", "Stable Diffusion"),
    (r"seedream|jimeng|dreamina|即梦|豆包", "ByteDance"),
    (r"nightcafe|artbreeder|craiyon|playgroundai|tensor\.art|civitai", "An image generator"),
    (r"^(?:made with ai|ai[- ]generated)", "An image generator"),
)
_SEARCHED = tuple((re.compile(pattern, re.IGNORECASE), name) for pattern, name in _NAMES)
MAX_SEARCHED = 400  # characters; a program's name is no essay


def generator_in(value: str) -> str:
    """Return the generator that a field names, or nothing."""
    if len(value) > MAX_SEARCHED:
        return ""
    return next((name for pattern, name in _SEARCHED if pattern.search(value)), "")
