"""An LSTM and a GRU differentiated by hand in PyTorch, with every allocation and operation saved that can be.

The same tricks as in the package: states as columns, ``(n, batch)``, contiguous gates, slopes in bulk, products for
all steps at once. Slopes are taken from the values, which loses digits where a gate is saturated.
"""


def _columns(problem):
    """Tensors of a problem: parameters, and ``xᵀ``, ``h0ᵀ``, ``gᵀ``; all of it outside the time that is measured."""
    import torch
    torch.set_num_threads(1)
    p, x, h0, g = problem.data
    return torch, {name: torch.tensor(a) for name, a in p.items()}, *(
        torch.tensor(a.swapaxes(-1, -2).copy()) for a in (x, h0, g))


def _side(a):
    return a.transpose(0, 1).reshape(a.shape[1], -1)


def _blocks(a, n, *order):
    """Columns in blocks of ``n`` in another order."""
    import torch
    return torch.cat([a[..., k * n:(k + 1) * n] for k in order], -1)


def _log_norms(torch, G):
    return torch.linalg.vector_norm(G, dim=(1, 2)).log()


def lstm(problem):
    torch, p, x, h0, g = _columns(problem)
    T, n, B = problem.T, problem.n, problem.B
    inside, outside = (2, 0, 1, 3), (1, 2, 0, 3)            # i f o g to o i f g, and back

    @torch.inference_mode()
    def call():
        W = _blocks(p["W"], n, *inside)
        WT, U, b = W.T, _blocks(p["U"], n, *inside), _blocks(p["b"], n, *inside)
        empty = lambda *shape: torch.empty(shape, dtype=torch.float64)
        h, s, tc, G = empty(T + 1, n, B), empty(T + 1, 5 * n, B), empty(T, n, B), empty(T + 1, 2 * n, B)
        h[0], s[0, 4 * n:], G[T] = h0[:n], h0[n:], g
        a = torch.matmul(U.T, x) + b[:, None]
        for a_t, old, all_, gates, new, o, i, f, c, c_next, tc_t, h_t in zip(
                a, h, s[:, :4 * n], s[:, :3 * n], s[:, 3 * n:4 * n], s[:, :n], s[:, n:2 * n], s[:, 2 * n:3 * n],
                s[:, 4 * n:], s[1:, 4 * n:], tc, h[1:], strict=False):
            torch.addmm(a_t, WT, old, out=all_)
            gates.sigmoid_()
            new.tanh_()
            torch.mul(i, new, out=c_next).addcmul_(f, c)
            torch.tanh(c_next, out=tc_t)
            torch.mul(o, tc_t, out=h_t)
        s, d = s[:T], empty(T, 5 * n, B)
        gates = s[:, :3 * n]
        torch.mul(gates, 1 - gates, out=d[:, n:4 * n])
        torch.mul(1 - tc * tc, s[:, :n], out=d[:, :n])
        d[:, n:2 * n].mul_(tc)
        d[:, 2 * n:4 * n].mul_(s[:, 3 * n:])
        torch.mul(1 - s[:, 3 * n:4 * n] ** 2, s[:, n:2 * n], out=d[:, 4 * n:])
        blocks = d.view(T, 5, n, B)
        views = list(zip(blocks[:, :2], blocks[:, 0], blocks[:, 2:], d[:, n:], s[:, 2 * n:3 * n], G[:T, :n], G[:T, n:],
                         G[1:, :n], G[1:, n:], strict=True))
        for of_h, dc, of_c, d_t, f, gh, gc, gh_next, gc_next in reversed(views):
            of_h.mul_(gh_next)
            dc.add_(gc_next)
            of_c.mul_(dc)
            torch.mm(W, d_t, out=gh)
            torch.mul(f, dc, out=gc)
        dT = _side(d[:, n:]).T
        return {"W": _blocks(_side(h[:T]) @ dT, n, *outside), "U": _blocks(_side(x) @ dT, n, *outside),
                "b": _blocks(dT.sum(0), n, *outside), "h0": G[0].T, "log_h": _log_norms(torch, G)}
    return call


def gru(problem):
    torch, p, x, h0, g = _columns(problem)
    T, n, B = problem.T, problem.n, problem.B

    @torch.inference_mode()
    def call():
        W, U, b = (_blocks(p[name], n, 1, 0, 2) for name in ("W", "U", "b"))            # r z g to z r g
        WT, b_rec = W.T, torch.cat([torch.zeros(2 * n, 1, dtype=W.dtype), p["b_rec"][:, None]]).expand(-1, B)
        empty = lambda *shape: torch.empty(shape, dtype=torch.float64)
        h, s, G = empty(T + 1, n, B), empty(T, 4 * n, B), empty(T + 1, n, B)            # z r q g
        h[0], G[T] = h0, g
        u = torch.matmul(U.T, x) + b[:, None]
        for u_gates, u_g, old, made, gates, z, r, q, new, h_t in zip(
                u[:, :2 * n], u[:, 2 * n:], h, s[:, :3 * n], s[:, :2 * n], s[:, :n], s[:, n:2 * n], s[:, 2 * n:3 * n],
                s[:, 3 * n:], h[1:], strict=False):
            torch.addmm(b_rec, WT, old, out=made)
            gates.add_(u_gates).sigmoid_()
            torch.addcmul(u_g, r, q, out=new).tanh_()
            torch.lerp(new, old, z, out=h_t)                # new + z ∘ (h - new)
        z, r, q, new = (s[:, k * n:(k + 1) * n] for k in range(4))
        d, gates = empty(T, 5 * n, B), s[:, :2 * n]
        kept, d_g, d_z, d_r, d_q = (d[:, k * n:(k + 1) * n] for k in range(5))
        torch.mul(gates, 1 - gates, out=d[:, 2 * n:4 * n])
        kept.copy_(z)
        torch.mul(1 - z, 1 - new * new, out=d_g)
        d_z.mul_(h[:T] - new)
        torch.mul(d_g, r, out=d_q)
        d_r.mul_(q).mul_(d_g)
        views = list(zip(d.view(T, 5, n, B), kept, d[:, 2 * n:], G[:T], G[1:], strict=True))
        for d_t, kept_t, d_zrq, g_t, g_next in reversed(views):
            d_t.mul_(g_next)
            torch.addmm(kept_t, W, d_zrq, out=g_t)
        dT = _side(d[:, n:]).T
        sums = dT.sum(0)
        return {"W": _blocks(_side(h[:T]) @ dT[:, n:], n, 1, 0, 2), "U": _blocks(_side(x) @ dT[:, :3 * n], n, 2, 1, 0),
                "b": _blocks(sums[:3 * n], n, 2, 1, 0), "b_rec": sums[3 * n:], "h0": G[0].T,
                "log_h": _log_norms(torch, G)}
    return call
