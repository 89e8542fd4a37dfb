"""What a press on a button, heading or row of our own HTML sends to the server: the event `pick`."""

from __future__ import annotations

__all__ = ["PICK"]

PICK = """
element.setAttribute('aria-live', 'off');
let last = null;
element.addEventListener('click', (event) => {
  const found = event.target.closest('[data-sort],[data-page],[data-open]');
  if (!found || found.disabled || !element.contains(found)) return;
  if (!found.matches('button') && String(window.getSelection())) return;
  const { sort = '', page = '', open = '' } = found.dataset;
  last = sort ? `[data-sort="${CSS.escape(sort)}"]` : open ? `button[data-open="${CSS.escape(open)}"]` : null;
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
  const again = last && element.contains(document.activeElement) && element.querySelector(last);
  if (again) again.focus({ preventScroll: true });
});
"""
"""JavaScript for `gradio.HTML(js_on_load=PICK)`: the attributes data-sort, data-page and data-open say what was meant.

After an answer the focus is where it was, or on the heading of what was opened, so that the keyboard goes on there.
"""
