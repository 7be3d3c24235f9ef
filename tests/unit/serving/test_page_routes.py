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
