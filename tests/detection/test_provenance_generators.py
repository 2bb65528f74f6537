"""Records of image generators are read whole from where their programs write them."""

import json

import pytest

from tests import images, metadata
from tests.findings import found, told

UNREADABLE_BY_A1111 = "a lighthouse\nNegative prompt: people"


@pytest.mark.parametrize("name", ["a1111.png", "a1111.jpg", "a1111.webp", "packed.png", "utf8.png"])
def test_the_text_of_automatic1111_is_read_wherever_it_stands(name: str) -> None:
    format_name, content = metadata.samples()[name]
    finding = found(content, format_name)["generator_record"]
    assert (finding.kind, finding.strength, finding.leaning) == ("generator", "strong", "ai")
    lines = told(finding)
    assert lines["Prompt"] == "a lighthouse in a storm <lora:waves:0.8>, oil painting"
    assert lines["Negative prompt"] == "people, text"
    assert (lines["Model"], lines["Model hash"]) == ("sea-v1-5", "6ce0161689")
    assert (lines["Seed"], lines["Steps"], lines["Sampler"]) == ("1234567890", "28", "DPM++ 2M")
    assert (lines["Size"], lines["LoRAs"]) == ("512x768", "waves (0.8)")


@pytest.mark.parametrize(
    ("version", "generator"),
    [
        ("f2.0.1v1.10.1", "Forge"),
        ("neo", "Forge Neo"),
        ("ComfyUI", "ComfyUI"),
        ("Fooocus v2.5.0", "Fooocus"),
        ("v1.10.1", "Stable Diffusion web UI (AUTOMATIC1111 or alike)"),
    ],
)
def test_programs_that_share_the_text_are_told_apart(version: str, generator: str) -> None:
    text = metadata.A1111.replace("v1.10.1", version)
    finding = found(metadata.png_texts({"parameters": text}), "PNG")["generator_record"]
    assert told(finding)["Generator"] == generator


def test_commas_within_quotes_part_nothing() -> None:
    text = (
        'x\nSteps: 9, Sampler: "a, b", Model: "c: d, e", Seed: 1, Hashes: {"a": "1, 2"}, Size: 8x8'
    )
    lines = told(found(metadata.png_texts({"parameters": text}), "PNG")["generator_record"])
    assert (lines["Sampler"], lines["Model"], lines["Size"]) == ("a, b", "c: d, e", "8x8")


@pytest.mark.parametrize(
    "text",
    [
        UNREADABLE_BY_A1111,
        "Steps: 20",
        "Steps: many, Sampler: Euler, Seed: none",
        "My recipe\nSteps: 20 minutes, Seed: 1 cup",
        "Sampler: Euler, Seed: 3, Steps: 20",
        "",
    ],
)
def test_a_text_without_settings_that_belong_together_is_no_record(text: str) -> None:
    assert "generator_record" not in found(metadata.png_texts({"parameters": text}), "PNG")


def test_the_graph_of_comfyui_is_followed_to_its_words() -> None:
    lines = told(found(metadata.samples()["comfyui.png"][1], "PNG")["generator_record"])
    assert (lines["Prompt"], lines["Negative prompt"]) == ("a lighthouse", "people")
    assert (lines["Model"], lines["LoRAs"]) == ("sea.safetensors", "waves.safetensors")
    assert (lines["Seed"], lines["Steps"], lines["Size"]) == ("42", "20", "512 x 768")


def test_a_graph_that_leaves_seed_and_steps_to_other_nodes_is_followed() -> None:
    graph = {
        "1": {"class_type": "RandomNoise", "inputs": {"noise_seed": 77}},
        "2": {"class_type": "BasicScheduler", "inputs": {"steps": 4, "scheduler": "simple"}},
        "3": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
        "4": {"class_type": "CLIPTextEncode", "inputs": {"text": ["5", 0]}},
        "5": {"class_type": "PrimitiveString", "inputs": {"value": "a harbour"}},
        "6": {"class_type": "BasicGuider", "inputs": {"conditioning": ["4", 0]}},
        "7": {
            "class_type": "SamplerCustomAdvanced",
            "inputs": {"noise": ["1", 0], "guider": ["6", 0], "sigmas": ["2", 0]},
        },
        "8": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux1-dev.safetensors"}},
    }
    lines = told(found(metadata.png_texts({"prompt": graph}), "PNG")["generator_record"])
    assert (lines["Prompt"], lines["Seed"], lines["Steps"]) == ("a harbour", "77", "4")
    assert (lines["Sampler"], lines["Model"]) == ("euler", "flux1-dev.safetensors")


def test_a_graph_that_turns_in_circles_is_left() -> None:
    ring = {"seed": ["2", 0], "steps": ["1", 0], "positive": ["3", 0]}
    graph = {
        "1": {"class_type": "KSampler", "inputs": ring},
        "2": {"class_type": "Reroute", "inputs": {"seed": ["2", 0]}},
        "3": {
            "class_type": "Combine",
            "inputs": {"conditioning_1": ["3", 0], "positive": ["1", 0]},
        },
    }
    assert "generator_partial" in found(metadata.png_texts({"prompt": graph}), "PNG")


def test_a_drawn_workflow_alone_is_a_record() -> None:
    lines = told(
        found(metadata.png_texts({"workflow": metadata.WORKFLOW}), "PNG")["generator_record"]
    )
    assert (lines["Seed"], lines["Steps"], lines["Model"]) == ("42", "20", "sea.safetensors")


def test_a_graph_without_a_sampler_may_have_changed_a_photograph() -> None:
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "holiday.jpg"}},
        "2": {"class_type": "ImageScale", "inputs": {"image": ["1", 0], "width": 640}},
    }
    findings = found(metadata.png_texts({"prompt": graph}), "PNG")
    assert "generator_record" not in findings
    assert findings["generator_partial"].strength == "weak"
    assert "holiday.jpg" not in str(findings["generator_partial"].details)


def test_graphs_in_the_exif_of_a_webp_are_no_camera() -> None:
    block = metadata.exif(
        {
            0x010F: (metadata.ASCII, f"workflow:{json.dumps(metadata.WORKFLOW)}"),
            0x0110: (metadata.ASCII, f"prompt:{json.dumps(metadata.COMFYUI)}"),
        }
    )
    findings = found(images.encoded(images.picture(), "WEBP", exif=block), "WebP")
    assert told(findings["generator_record"])["Generator"] == "ComfyUI"
    assert "camera_named" not in findings


@pytest.mark.parametrize(
    ("texts", "generator", "seed", "model"),
    [
        ({"invokeai_metadata": metadata.INVOKEAI}, "InvokeAI", "7", "sea"),
        ({"sd-metadata": metadata.SD_METADATA}, "InvokeAI", "99", "stable-diffusion-1.4"),
        ({"Dream": metadata.DREAM}, "InvokeAI", "99", None),
        ({"Comment": metadata.NOVELAI, "Description": "a lighthouse"}, "NovelAI", "5", None),
        ({"parameters": metadata.FOOOCUS}, "Fooocus", "8", "sea-xl"),
        ({"parameters": metadata.SWARM}, "SwarmUI", "6", "sea"),
        (
            {"x": {"prompt": "a lighthouse", "seed": 3, "num_inference_steps": 9}},
            "An image generator",
            "3",
            None,
        ),
    ],
    ids=["invokeai", "sd-metadata", "dream", "novelai", "fooocus", "swarmui", "any"],
)
def test_json_of_other_generators_is_put_into_the_same_words(
    texts: dict[str, object], generator: str, seed: str, model: str | None
) -> None:
    finding = found(metadata.png_texts(texts), "PNG")["generator_record"]
    lines = told(finding)
    assert (lines["Generator"], lines["Prompt"]) == (generator, "a lighthouse")
    assert (lines["Seed"], lines.get("Model")) == (seed, model)


def test_settings_in_chunks_of_their_own_are_put_together() -> None:
    texts = {"prompt": "a lighthouse", "seed": "4", "num_inference_steps": "25"}
    texts |= {"use_stable_diffusion_model": "sea", "sampler_name": "euler_a", "width": "512"}
    lines = told(found(metadata.png_texts(texts), "PNG")["generator_record"])
    assert (lines["Generator"], lines["Prompt"]) == ("Easy Diffusion", "a lighthouse")
    assert (lines["Seed"], lines["Model"], lines["Sampler"]) == ("4", "sea", "euler_a")


def test_draw_things_is_read_from_xmp() -> None:
    notes = {"c": "a lighthouse", "uc": "people", "seed": 1, "steps": 8, "sampler": "Euler a"}
    listed = f"<rdf:Alt><rdf:li>{json.dumps(notes)}</rdf:li></rdf:Alt>"
    inner = f"<exif:UserComment>{listed}</exif:UserComment>"
    lines = told(found(metadata.jpeg_xmp(metadata.xmp(inner=inner)))["generator_record"])
    assert (lines["Generator"], lines["Negative prompt"]) == ("Draw Things", "people")


def test_fooocus_is_read_from_the_comment_of_a_jpeg() -> None:
    comment = metadata.user_comment(json.dumps(metadata.FOOOCUS))
    content = metadata.jpeg_exif(metadata.exif({}, {0x9286: comment}))
    assert told(found(content)["generator_record"])["LoRAs"] == "waves 0.5"


def test_midjourney_gives_prompt_and_job() -> None:
    lines = told(found(metadata.samples()["midjourney.png"][1], "PNG")["generator_record"])
    assert lines["Job"] == metadata.JOB
    assert lines["Prompt"] == "a lighthouse in a storm --ar 2:3 --v 6.1"


def test_a_job_that_xmp_names_too_is_a_whole_record() -> None:
    packet = metadata.xmp({"Iptc4xmpExt:DigImageGUID": metadata.JOB})
    text = metadata.plain_text("Description", f"a lighthouse Job ID: {metadata.JOB}")
    alone = metadata.png_with(text)
    both = metadata.png_with(text, metadata.international_text("XML:com.adobe.xmp", packet))
    assert "generator_partial" in found(alone, "PNG")
    assert "generator_record" in found(both, "PNG")


def _exif_text(tag: int, text: str) -> bytes:
    return metadata.jpeg_exif(metadata.exif({tag: (metadata.ASCII, text)}))


def _xmp_text(name: str, text: str) -> bytes:
    return metadata.jpeg_xmp(metadata.xmp({name: text}))


@pytest.mark.parametrize(
    ("content", "format_name", "strength"),
    [
        (metadata.png_texts({"Software": "DALL·E 3 by OpenAI"}), "PNG", "moderate"),
        (_xmp_text("xmp:CreatorTool", "Adobe Firefly"), "JPEG", "moderate"),
        (_xmp_text("photoshop:Credit", "Made with Google AI"), "JPEG", "moderate"),
        (_exif_text(0x0131, "NovelAI"), "JPEG", "moderate"),
        (metadata.samples()["press.jpg"][1], "JPEG", "moderate"),
        (metadata.png_texts({"Title": "AI generated image"}), "PNG", "weak"),
        (_exif_text(0x013B, "Ann with Midjourney"), "JPEG", "weak"),
    ],
    ids=["dall-e", "firefly", "google", "exif", "iptc", "title", "artist"],
)
def test_a_name_alone_is_a_label_that_anybody_can_write(
    content: bytes, format_name: str, strength: str
) -> None:
    finding = found(content, format_name)["generator_named"]
    assert (finding.strength, finding.leaning) == (strength, "ai")
    assert "Anybody can write" in finding.sentence


def test_an_author_who_names_a_generator_stays_private() -> None:
    public = found(_exif_text(0x013B, "Ann with Midjourney"))["generator_named"].without_private()
    assert "Ann" not in str(public)


@pytest.mark.parametrize(
    "name", ["f.lux 4.1", "Gemini Observatory", "not AI generated", "Firefly at night", "Meta air"]
)
def test_words_that_mean_other_things_too_are_no_generators(name: str) -> None:
    assert "generator_named" not in found(metadata.png_texts({"Software": name}), "PNG")


def test_iptcs_fields_for_ai_are_shown_and_the_writer_is_private() -> None:
    told_by = {
        "Iptc4xmpExt:AISystemUsed": "FLUX.1 dev",
        "Iptc4xmpExt:AIPromptInformation": "a lighthouse",
        "Iptc4xmpExt:AIPromptWriterName": "Ann",
    }
    finding = found(metadata.jpeg_xmp(metadata.xmp(told_by)))["generator_named"]
    assert told(finding)["Prompt"] == "a lighthouse"
    assert "Ann" not in str(finding.without_private())


def test_what_cannot_be_shown_or_stored_is_taken_out_of_prompts() -> None:
    text = metadata.A1111.replace(
        "a storm", "a \x07\u202estorm\ud800".encode("utf-8", "ignore").decode()
    )
    chunk = metadata.international_text("parameters", text.encode())
    prompt = told(found(metadata.png_with(chunk), "PNG")["generator_record"])["Prompt"]
    assert "storm" in prompt
    assert not set("\x07\u202e") & set(prompt)


def test_a_lone_surrogate_of_json_can_be_stored() -> None:
    notes = {"prompt": "x", "seed": 1, "steps": 2, "sampler": "a\ud800b"}
    finding = found(metadata.png_texts({"x": notes}), "PNG")["generator_record"]
    json.dumps(finding.as_json(), ensure_ascii=False).encode()


def test_long_prompts_are_cut() -> None:
    text = "sea " * 5_000 + metadata.A1111
    finding = found(metadata.png_texts({"parameters": text}), "PNG")["generator_record"]
    assert len(told(finding)["Prompt"]) == 4_000
