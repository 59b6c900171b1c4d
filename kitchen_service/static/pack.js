// Where tickets stand in a lane of several columns: down the first, then down the next; what has no room stands below
// all that, in the same way. So the first ones are always those that are seen, and nothing is sorted anew.

const usual = new WeakMap(); // by ticket: its height when nothing in it is open

/**
 * Places for tickets, in their order: the column of each, and how far down it stands. Each has its `height`, and the
 * one that is `usual` for it: one in which something is open grows downwards, and sends no other into another column.
 * `room` is the height that can be seen, `gap` stands between two.
 */
export function places(tickets, columns, room, gap) {
  let column = 0;
  let top = 0; // of what fits into the room at a time
  let down = 0; // in this column
  let counted = 0; // the same, as if nothing were open
  let end = 0; // of the longest column
  return tickets.map(({ height, usual: short }) => {
    if (counted > 0 && counted + short > room) {
      column += 1;
      down = 0;
      counted = 0;
      if (column === columns) {
        column = 0;
        top = end;
      }
    }
    const place = { column, top: top + down };
    down += height + gap;
    counted += short + gap;
    end = Math.max(end, top + down);
    return place;
  });
}

function measured(ticket) {
  const height = ticket.offsetHeight;
  const isUsual = !ticket.classList.contains("gone") && !ticket.querySelector("details[open], .cant-make");
  if (isUsual) usual.set(ticket, height);
  return { height, usual: usual.get(ticket) ?? height };
}

/** What is usual for a ticket is so for the one that takes its place. */
export function inherit(old, fresh) {
  if (usual.has(old)) usual.set(fresh, usual.get(old));
}

/** Put the tickets of a lane in their places. */
export function pack(tickets) {
  const columns = Number(getComputedStyle(tickets).getPropertyValue("--columns")) || 1;
  if (columns === 1) {
    if (tickets.classList.contains("packed")) unpack(tickets);
    return;
  }
  const shown = [...tickets.children].filter((ticket) => ticket.offsetParent !== null);
  const gap = Number.parseFloat(getComputedStyle(tickets).rowGap) || 12;
  const width = (tickets.clientWidth - gap * (columns - 1)) / columns;
  tickets.classList.add("packed");
  for (const ticket of shown) ticket.style.width = `${width}px`;
  const sizes = shown.map(measured);
  const body = tickets.parentElement;
  const style = getComputedStyle(body);
  const room = body.clientHeight - Number.parseFloat(style.paddingTop) - Number.parseFloat(style.paddingBottom);
  let height = 0;
  for (const [index, { column, top }] of places(sizes, columns, room, gap).entries()) {
    shown[index].style.transform = `translate(${column * (width + gap)}px, ${top}px)`;
    height = Math.max(height, top + sizes[index].height);
  }
  tickets.style.height = `${height}px`;
}

function unpack(tickets) {
  tickets.classList.remove("packed");
  tickets.style.height = "";
  for (const ticket of tickets.children) {
    ticket.style.width = "";
    ticket.style.transform = "";
  }
}
