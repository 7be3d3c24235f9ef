"""Corrections become a data set that `prepare` takes; reports come in a sandbox; metrics count."""

from __future__ import annotations

import pytest

from shelfmind.analysis.decisions import read_decisions
from shelfmind.data import open_catalog


def corrected(web, content, **fields):
    return web.post("/v1/corrections", files={"image": ("x.jpg", content)}, data=fields)


def test_corrections_are_a_data_set_with_a_review_log(make_service, client, photo, tmp_path):
    web = client(make_service())
    red, green = photo((200, 0, 0), 1), photo((0, 200, 0), 2, form="PNG")
    assert corrected(web, red, said="绿茶", label="红茶").status_code == 201
    assert corrected(web, green, said='blue, "soda"', decision="drop").status_code == 201
    third = corrected(web, red, said="other", decision="keep").json()
    assert third["said"] == "绿茶"
    folder = tmp_path / "state" / "corrections"
    catalog = open_catalog(folder / "list.csv")
    assert set(catalog.class_names) == {"绿茶", 'blue, "soda"'}
    decisions = read_decisions(folder / "review.jsonl")
    assert [each.decision for each in decisions] == ["relabel", "drop", "keep"]
    for each in decisions:
        assert (folder / each.path).is_file()
    assert web.get("/v1/corrections").json()["total"] == 2
    assert web.post(f"/v1/corrections/{third['id']}/undo").status_code == 200
    assert web.post(f"/v1/corrections/{third['id']}/undo").status_code == 404
    assert {each["decision"] for each in web.get("/v1/corrections").json()["corrections"]} == {"relabel", "drop"}


def test_a_line_that_a_crash_cut_costs_no_later_correction(make_service, client, photo, tmp_path):
    web = client(make_service())
    red, green, blue = (photo(colour, 1) for colour in ((200, 0, 0), (0, 200, 0), (0, 0, 200)))
    for content in (red, green):
        assert corrected(web, content, said="Cola, 330 ml", label="tea").status_code == 201
    listed = tmp_path / "state" / "corrections" / "list.csv"
    header, first, second = whole = listed.read_bytes().splitlines(keepends=True)
    begun = [len(header) + len(first) + cut for cut in (0, 1, 30, second.index(b",") + 9, len(second) - 2)]
    for end in (0, 9, len(header) - 1, len(header), *begun):
        listed.write_bytes(b"".join(whole)[:end])
        assert corrected(web, blue, said="soda", label="tea").status_code == 201, end
        assert corrected(web, green, said="Cola, 330 ml", label="tea").status_code == 201, end
        found = listed.read_bytes().splitlines(keepends=True)
        assert found[:1] == [header], end
        assert found[-1] == second, end
        assert len(found) == (4 if end in begun else 3), end
    listed.write_bytes(b"".join(whole)[:-1])
    assert corrected(web, blue, said="soda", label="tea").status_code == 201
    assert listed.read_bytes().splitlines(keepends=True)[:3] == whole
    assert set(open_catalog(listed).class_names) == {"Cola, 330 ml", "soda"}


def test_a_damaged_list_of_corrections_is_told_to_the_operator(make_service, client, photo, tmp_path, caplog):
    web = client(make_service())
    corrected(web, photo((200, 0, 0), 1), said="cola", label="tea")
    with open(tmp_path / "state" / "corrections" / "list.csv", "a") as listed:
        listed.write("photos/cut\n")
    assert corrected(web, photo((0, 200, 0), 1), said="cola", label="tea").status_code == 503
    assert "list.csv, line 3: the label is missing" in caplog.text


@pytest.mark.parametrize(
    "fields", [{"decision": "burn"}, {"decision": "relabel"}, {"label": "x", "decision": "keep"}, {"said": "a\nb"}]
)
def test_a_correction_without_sense_is_refused(make_service, client, photo, fields, tmp_path):
    web = client(make_service())
    assert corrected(web, photo((9, 9, 9)), **fields).status_code == 422
    assert corrected(web, b"no image", label="x").status_code == 422
    assert not (tmp_path / "state" / "corrections").exists()


def test_reports_come_in_a_sandbox(make_service, client, tmp_path):
    web = client(make_service())
    assert web.get("/v1/reports").json() == {"reports": []}
    assert web.get("/v1/reports/run").status_code == 404
    (tmp_path / "report.html").write_text("<h1>Report</h1>")
    (found,) = web.get("/v1/reports").json()["reports"]
    page = web.get(found["href"])
    assert page.headers["content-security-policy"].startswith("sandbox")
    assert web.get("/v1/reports/..%2Frun").status_code == 404


def test_metrics_count(make_service, client, gallery, photo):
    service = make_service(gallery)
    web = client(service)
    files = [("image", (str(n), photo((230, 220, 20), n))) for n in range(3)]
    web.post("/v1/recognize", files=[*files, ("image", ("bad", b"bad"))])
    text = web.get("/metrics").text
    for line in (
        'shelfmind_http_requests_total{method="POST",route="/v1/recognize",status="200"} 1.0',
        'shelfmind_images_total{outcome="product"} 3.0',
        'shelfmind_images_total{outcome="unusable"} 1.0',
        "shelfmind_queue_images 0.0",
        'shelfmind_model_info{engine="onnx fp32",name="货架.onnx",weights="tiny"} 1.0',
        "shelfmind_gallery_products 1.0",
        "shelfmind_confidence_count 3.0",
        "shelfmind_upload_bytes 0.0",
    ):
        assert line in text, line


def test_drift_is_told_from_the_first_images():
    from shelfmind.serving import metrics

    found = metrics.Metrics()
    for _ in range(metrics.BASELINE):
        found.recognised("product", 0.9)
    for _ in range(5 * metrics.MEMORY):
        found.recognised("unknown", 0.4)
    assert found.registry.get_sample_value("shelfmind_confidence_drift") == pytest.approx(-0.5, abs=0.01)
