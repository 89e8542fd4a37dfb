"""How the page looks: Gradio's theme with colours that can be read, and our style sheet."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

__all__ = ["CSS", "HEAD", "theme"]

CSS = (Path(__file__).parent / "page.css").read_text()

HEAD = "<style>@media (max-width: 640px) { .gradio-container > .main { padding: 6px 10px !important; } }</style>"
"""What lies outside of the content, where Gradio lets no style sheet of ours reach."""


def theme() -> gr.themes.Base:
    """Light and dark, with the fonts of the visitor's own system."""
    # System fonts: nothing is fetched from elsewhere, so the page opens at once and tells nobody who reads it.
    fonts = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    soft = gr.themes.Soft(
        primary_hue="emerald", secondary_hue="emerald", neutral_hue="slate", font=fonts,
        font_mono=["ui-monospace", "Menlo", "monospace"],
    )  # fmt: skip
    labels = [f"block_{part}" for part in ("title", "label")]
    plain = {f"{label}_background_fill{mode}": "transparent" for label in labels for mode in ("", "_dark")}
    plain |= {f"{label}_text_color{mode}": "*body_text_color" for label in labels for mode in ("", "_dark")}
    return soft.set(
        # The theme's greys and greens are too faint to read on its own backgrounds.
        body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300",
        button_primary_background_fill="*primary_700", button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700", button_primary_background_fill_hover_dark="*primary_600",
        background_fill_primary="*neutral_50", block_border_width="1px", block_title_padding="0",
        # White letters on the theme's own green are too faint, too.
        checkbox_label_background_fill_selected="*primary_700",
        checkbox_label_background_fill_selected_dark="*primary_700",
        checkbox_label_text_color_selected="white", checkbox_label_text_color_selected_dark="white",
        input_placeholder_color="*neutral_500", input_placeholder_color_dark="*neutral_400",
        button_cancel_background_fill="*neutral_100", button_cancel_text_color="#9f1239",
        button_secondary_background_fill_hover_dark="*neutral_500",
        link_text_color="*primary_700", link_text_color_dark="*primary_300",
        **plain,
    )  # fmt: skip
