/** @typedef {{payment_id: string, order_id?: string, status: string, final: boolean,
 * amount: {minor: number, currency: string, text: string}, next_action: any,
 * next_poll_seconds: ?number}} Payment */

/** Tells each state of a payment, the final one last.
 * @param {string} url
 * @param {(payment: Payment) => void} onChange
 * @param {{sse?: boolean, onError?: (reply: Response) => void}} [options]
 * @returns {() => void} stops it */
export function watchStatus(url, onChange, { sse = true, onError } = {}) {
	let told = "", pause = 5, tries = 0, timer = 0, close = () => {};

	const askIn = (delay = 0) => {
		clearTimeout(timer);
		if (delay) timer = setTimeout(ask, delay * 1000);
	};
	const stop = () => {
		askIn();
		close();
		document.removeEventListener("visibilitychange", ask);
	};
	const tell = (text = "") => {
		const state = JSON.parse(text);
		pause = state.next_poll_seconds || 5;
		tries = 0;
		askIn(pause * (sse ? 12 : 1)); // streams die
		if (state.final) stop();
		if (text !== told) queueMicrotask(() => onChange(state));
		told = text;
	};
	const ask = async () => {
		close();
		const wait = document.hidden ? 0 : Math.min(60, pause * 2 ** (tries + Math.random()));
		askIn(wait);
		if (!wait) return void (tries = 0);
		sse = !tries++ && sse;
		try {
			if (sse) {
				const es = new EventSource(url);
				close = () => es.close();
				es.addEventListener("status", ({ data }) => tell(data));
				es.onerror = () => { close(); askIn(tries ? 0.1 : wait); };
				return;
			}
			const ctl = new AbortController();
			close = () => ctl.abort();
			const reply = await fetch(url, ctl);
			const text = await reply.clone().text();
			if (ctl.signal.aborted) return;
			if (reply.ok) tell(text);
			else if (reply.status < 500 && reply.status !== 429) {
				close = askIn, stop();
				queueMicrotask(() => onError?.(reply));
			} else askIn(Math.min(3600, Math.abs(Number(reply.headers.get("Retry-After")))) || wait);
		} catch {}
	};
	document.addEventListener("visibilitychange", ask);
	ask();
	return stop;
}
