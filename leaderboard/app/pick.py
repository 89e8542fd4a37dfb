"""What a press on a button, heading or row of our own HTML sends to the server: the event `pick`."""

from __future__ import annotations

__all__ = ["PICK"]

PICK = """
element.setAttribute('aria-live', 'off');
const control = (node) => node.closest('[data-sort],[data-page],[data-open]');
const named = (node) => {
  const { sort, open } = node ? node.dataset : {};
  return sort ? `[data-sort="${CSS.escape(sort)}"]` : open ? `button[data-open="${CSS.escape(open)}"]` : null;
};
let held = null, pressed = null;
element.addEventListener('focusin', (event) => { held = named(control(event.target)); });
element.addEventListener('focusout', (event) => { if (event.relatedTarget) held = null; });
element.addEventListener('pointerdown', (event) => {
  const node = control(event.target);
  pressed = node && { node, meant: { ...node.dataset } };
});
element.addEventListener('click', (event) => {
  const found = control(event.target);
  if (!found || found.disabled || !element.contains(found)) return;
  if (!found.matches('button') && String(window.getSelection())) return;
  // By the pointer, what stood there when it went down; a key makes a click without detail.
  const meant = event.detail && pressed && pressed.node === found ? pressed.meant : found.dataset;
  const { sort = '', page = '', open = '' } = meant;
  trigger('pick', { sort, page, open });
});
const opened = (tries) => {
  const heading = element.querySelector('#af-opened');
  if (!heading) return false;
  heading.focus({ preventScroll: true });
  if (document.activeElement === heading) heading.scrollIntoView({ block: 'start' });
  // It may not be in view yet.
  else if (tries) setTimeout(opened, 50, tries - 1);
  return true;
};
opened(40);
watch('value', () => {
  if (opened(40)) return;
  const active = document.activeElement;
  if (!held || !(active === null || active === document.body || element.contains(active))) return;
  const again = element.querySelector(held);
  if (again) again.focus({ preventScroll: true });
  else held = element.contains(active) ? named(control(active)) : null;
});
"""
"""JavaScript for `gradio.HTML(js_on_load=PICK)`: the attributes data-sort, data-page and data-open say what was meant.

Gradio draws an answer into the elements that are there, place by place, so that what has the focus, or is being
pressed, may be another control afterwards. Both are known here by what they say. After an answer the focus is on the
same control, or on the heading of what was opened, so that the keyboard goes on there.
"""
