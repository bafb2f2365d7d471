"""Small files in the exact layout of a tool, with what an evaluation of them must give.

Every layout names where it is documented.  The numbers are written so that the
losses can be computed by hand: log losses are means of the listed
probabilities of the true class.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import feather, parquet


def log_loss(*of_truth: float) -> float:
    """Mean negative log-likelihood, given the probability of the true class of each row."""
    return float(np.mean([-np.log(one) for one in of_truth]))


def squared(*errors: float) -> float:
    """Mean of the squares."""
    return float(np.mean([error * error for error in errors]))


def absolute(*errors: float) -> float:
    """Mean of the absolute values."""
    return float(np.mean([abs(error) for error in errors]))


@dataclass(frozen=True)
class Layout:
    """A file, the loss, what it is, the columns of label and prediction, and where the layout comes from."""

    name: str
    suffix: str
    content: str | Callable[[Path], None]
    spec: str
    loss: float
    label: str
    pred: str | Sequence[str]
    source: str
    pos_label: str | None = None
    classes: Sequence[str] | None = None
    others: Mapping[str, str] | None = None

    def write(self, folder: Path) -> Path:
        """The file, written into `folder`."""
        path = folder / f"{self.name}{self.suffix}"
        if isinstance(self.content, str):
            path.write_text(self.content, encoding="utf-8", newline="")
        else:
            self.content(path)
        return path


def parquet_of(
    columns: Mapping[str, tuple[Sequence[Any], pa.DataType]], metadata: Mapping[str, Any] | None = None
) -> Callable[[Path], None]:
    """A function that writes a Parquet file with these columns, and JSON in the metadata of its schema."""

    def write(path: Path) -> None:
        arrays = [pa.array(values, stored) for values, stored in columns.values()]
        table = pa.table(dict(zip(columns, arrays, strict=True)))
        if metadata:
            table = table.replace_schema_metadata({key: json.dumps(value) for key, value in metadata.items()})
        parquet.write_table(table, path)

    return write


def feather_of(columns: Mapping[str, pa.Array]) -> Callable[[Path], None]:
    """A function that writes an Arrow file with these columns."""
    return lambda path: feather.write_feather(pa.table(dict(columns)), path)


FLOAT, TEXT, WHOLE = pa.float64(), pa.string(), pa.int64()

# org.apache.spark.ml.linalg.VectorUDT.sqlType
VECTOR = pa.struct(
    [
        pa.field("type", pa.int8(), nullable=False),
        pa.field("size", pa.int32()),
        pa.field("indices", pa.list_(pa.int32())),
        pa.field("values", pa.list_(FLOAT)),
    ]
)


def dense(*values: float) -> dict[str, Any]:
    """A dense vector as Spark stores it."""
    return {"type": 1, "size": None, "indices": None, "values": list(values)}


def sparse(size: int, values: Mapping[int, float]) -> dict[str, Any]:
    """A sparse vector as Spark stores it."""
    return {"type": 0, "size": size, "indices": list(values), "values": list(values.values())}


BINARY = [
    Layout(
        "sklearn", ".csv",
        "y_true,y_pred,y_prob\n1,1,0.8\n0,0,0.25\n1,0,0.4\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "y_true", "y_prob",
        "scikit-learn user guide: y_true, y_pred, y_prob / y_score are the argument names of sklearn.metrics",
        pos_label="1",
    ),
    Layout(
        "sklearn_predict_proba", ".csv",
        "y_true,proba_0,proba_1\n1,0.2,0.8\n0,0.75,0.25\n1,0.6,0.4\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "y_true", "proba_1",
        "sklearn predict_proba: a column for each of classes_, in sorted order",
        pos_label="1",
    ),
    Layout(
        "keras_sigmoid", ".csv",
        "label,prediction\n1,0.8\n0,0.25\n1,0.4\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "label", "prediction",
        "Keras model.predict of one sigmoid unit, saved under the names of the Keras guides",
        pos_label="1",
    ),
    Layout(
        "words", ".csv",
        "target,prob\nyes,0.8\nno,0.25\nyes,0.4\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "target", "prob",
        "OpenML credit-g style labels: a known pair of words",
        pos_label="yes",
    ),
    Layout(
        "truth_values", ".csv",
        "target,prob\nTrue,0.8\nFalse,0.25\nTrue,0.4\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "target", "prob",
        "pandas.DataFrame.to_csv of a boolean column",
        pos_label="true",
    ),
    Layout(
        "xgboost", ".csv",
        "label,pred\n1,0.8\n0,0.25\n1,0.4\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "label", "pred",
        "XGBoost CLI task=pred with binary:logistic: one probability a row, joined to the label",
        pos_label="1",
    ),
    Layout(
        "catboost_binary", ".tsv",
        "SampleId\tRawFormulaVal\tProbability\tClass\tLabel\n"
        "0\t1.3862943611198906\t0.8\t1\t1\n1\t-1.0986122886681098\t0.25\t0\t0\n2\t-0.4054651081081643\t0.4\t0\t1\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "Label", "Probability",
        "catboost.ai/docs/en/concepts/output-data_model-value-output: tab-separated, --prediction-type",
        pos_label="1",
    ),
    Layout(
        "catboost_raw", ".tsv",
        "SampleId\tRawFormulaVal\tProbability\tClass\tLabel\n0\t2\t0.88\t1\t1\n1\t-1\t0.27\t0\t0\n2\t-0.5\t0.38\t0\t1\n",
        "hinge", float(np.mean([0.0, 0.0, 1.5])), "Label", "RawFormulaVal",
        "the same file: a loss of margins takes the raw values",
        pos_label="1",
    ),
    Layout(
        "h2o_binary", ".csv",
        "response_id,target,predict,p0,p1\n1,1,1,0.2,0.8\n2,0,0,0.75,0.25\n3,1,0,0.6,0.4\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "target", "p1",
        "docs.h2o.ai performance-and-prediction: predict, p0, p1",
        pos_label="1",
    ),
    Layout(
        "autogluon_binary", ".csv",
        "label,no,yes\nyes,0.2,0.8\nno,0.75,0.25\nyes,0.6,0.4\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "label", "yes",
        "AutoGluon TabularPredictor.predict_proba: columns are the class labels",
        pos_label="yes",
    ),
    Layout(
        "pycaret3_raw", ".csv",
        "age,Purchase,target,prediction_label,prediction_score_0,prediction_score_1\n"
        "31,x,1,1,0.2,0.8\n40,x,0,0,0.75,0.25\n22,x,1,0,0.6,0.4\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "target", "prediction_score_1",
        "PyCaret 3 predict_model(raw_score=True): prediction_label, prediction_score_<class>",
        pos_label="1",
    ),
    Layout(
        "mljar_with_target", ".csv",
        "target,p_0,p_1,label\n1,0.2,0.8,1\n0,0.75,0.25,0\n1,0.6,0.4,0\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "target", "p_1",
        "mljar-supervised v0.1.2 release note: p_<class> and label, which is the prediction",
        pos_label="1",
    ),
    Layout(
        "spark_binary", ".parquet",
        parquet_of({
            "label": ([1.0, 0.0, 1.0], FLOAT),
            "rawPrediction": ([dense(-1.3, 1.3), dense(1.1, -1.1), dense(0.4, -0.4)], VECTOR),
            "probability": ([dense(0.2, 0.8), dense(0.75, 0.25), dense(0.6, 0.4)], VECTOR),
            "prediction": ([1.0, 0.0, 0.0], FLOAT),
        }),
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "label", "probability",
        "Spark ML ProbabilisticClassificationModel: rawPrediction, probability, prediction; VectorUDT in Parquet",
        pos_label="1",
    ),
    Layout(
        "bigquery_binary", ".parquet",
        parquet_of({
            "predicted_churned": (["yes", "no", "no"], TEXT),
            "predicted_churned_probs": (
                [
                    [{"label": "yes", "prob": 0.8}, {"label": "no", "prob": 0.2}],
                    [{"label": "no", "prob": 0.75}, {"label": "yes", "prob": 0.25}],
                    [{"label": "no", "prob": 0.6}, {"label": "yes", "prob": 0.4}],
                ],
                pa.list_(pa.struct([("label", TEXT), ("prob", FLOAT)])),
            ),
            "churned": (["yes", "no", "yes"], TEXT),
        }),
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "churned", "predicted_churned_probs",
        "cloud.google.com bigqueryml-syntax-predict: predicted_<label>, predicted_<label>_probs",
        pos_label="yes",
    ),
    Layout(
        "azure_binary", ".csv",
        "target,Scored Labels,Scored Probabilities\n1,1,0.8\n0,0,0.25\n1,0,0.4\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "target", "Scored Probabilities",
        "Azure ML designer, Score Model: Scored Labels, Scored Probabilities",
        pos_label="1",
    ),
    Layout(
        "nannyml_binary", ".csv",
        "id,y_true,y_pred,y_pred_proba,timestamp\n1,1,1,0.8,2024-01-01\n2,0,0,0.25,2024-01-02\n3,1,0,0.4,2024-01-03\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "y_true", "y_pred_proba",
        "NannyML tutorials, binary classification: y_true, y_pred, y_pred_proba",
        pos_label="1",
    ),
    Layout(
        "arize", ".csv",
        "prediction_id,prediction_ts,prediction_score,actual_label\na,1,0.8,1\nb,2,0.25,0\nc,3,0.4,1\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "actual_label", "prediction_score",
        "Arize SDK Schema: prediction_id, prediction_score, actual_label",
        pos_label="1",
    ),
    Layout(
        "vw_margins", ".csv",
        "label,score\n1,2.0\n-1,-1.0\n1,-0.5\n",
        "hinge", float(np.mean([0.0, 0.0, 1.5])), "label", "score",
        "Vowpal Wabbit --loss_function hinge: labels -1 and 1, raw predictions",
        pos_label="1",
    ),
    Layout(
        "huggingface_binary", ".parquet",
        parquet_of(
            {"label": ([1, 0, 1], WHOLE), "prob": ([0.8, 0.25, 0.4], FLOAT)},
            {"huggingface": {"info": {"features": {
                "label": {"names": ["neg", "pos"], "_type": "ClassLabel"},
                "prob": {"dtype": "float64", "_type": "Value"},
            }}}},
        ),
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "label", "prob",
        "datasets ArrowWriter: the features of a dataset in the schema's metadata",
        pos_label="pos",
    ),
    Layout(
        "pycaret2_raw", ".csv",
        "age,target,Label,Score_0,Score_1\n31,1,1,0.2,0.8\n40,0,0,0.75,0.25\n22,1,0,0.6,0.4\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "target", "Score_1",
        "PyCaret 2 predict_model(raw_score=True): Label, Score_<class>",
        pos_label="1",
    ),
    Layout(
        "lightgbm_raw_score", ".csv",
        "label,raw_score\n1,1.3862943611198906\n0,-1.0986122886681098\n1,-0.4054651081081643\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "label", "raw_score",
        "LightGBM predict(raw_score=True), saved under the name of the argument",
        pos_label="1",
    ),
    Layout(
        "rapidminer_binary", ".csv",
        "label,prediction(label),confidence(no),confidence(yes)\nyes,yes,0.2,0.8\nno,no,0.75,0.25\nyes,no,0.6,0.4\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "label", "confidence(yes)",
        "docs.rapidminer.com, Apply Model: prediction(label), confidence(class)",
        pos_label="yes",
    ),
    Layout(
        "datarobot_binary", ".csv",
        "row_id,churn,churn_1.0_PREDICTION,churn_0.0_PREDICTION,churn_PREDICTION,THRESHOLD,POSITIVE_CLASS\n"
        "0,1,0.8,0.2,1.0,0.5,1.0\n1,0,0.25,0.75,0.0,0.5,1.0\n2,1,0.4,0.6,0.0,0.5,1.0\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "churn", "churn_1.0_PREDICTION",
        "docs.datarobot.com, batch prediction output format: <target>_<class>_PREDICTION, <target>_PREDICTION",
        pos_label="1",
    ),
    Layout(
        "catboost_raw_alone", ".tsv",
        "SampleId\tRawFormulaVal\tLabel\n0\t1.3862943611198906\t1\n1\t-1.0986122886681098\t0\n"
        "2\t-0.4054651081081643\t1\n",
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "Label", "RawFormulaVal",
        "catboost.ai: RawFormulaVal is the default prediction type of calc",
        pos_label="1",
    ),
    Layout(
        "sagemaker_binary", ".csv",
        'target,predicted_label,probability,probabilities,labels\n'
        '''yes,yes,0.8,"[0.2, 0.8]","['no', 'yes']"\n'''
        '''no,no,0.75,"[0.75, 0.25]","['no', 'yes']"\n'''
        '''yes,no,0.6,"[0.6, 0.4]","['no', 'yes']"\n''',
        "binary_crossentropy", log_loss(0.8, 0.75, 0.4), "target", "probabilities",
        "docs.aws.amazon.com autopilot-container-output: probabilities and labels are strings that hold lists",
        pos_label="yes",
    ),
]  # fmt: skip

THREE = log_loss(0.7, 0.5, 0.2)

MULTICLASS = [
    Layout(
        "sklearn_wide", ".csv",
        "y_true,prob_ant,prob_bee,prob_cat\nant,0.7,0.2,0.1\ncat,0.3,0.2,0.5\nbee,0.5,0.2,0.3\n",
        "sparse_categorical_crossentropy", THREE, "y_true", ["prob_ant", "prob_bee", "prob_cat"],
        "sklearn predict_proba with classes_ in the column names",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "eleven_classes", ".csv",
        "y,{}\n0,{}\n10,{}\n2,{}\n".format(
            ",".join(f"prob_{one}" for one in sorted(range(11), key=str)),
            *(
                ",".join("0.5" if one == truth else "0.05" for one in sorted(range(11), key=str))
                for truth in (0, 10, 2)
            ),
        ),
        "sparse_categorical_crossentropy", log_loss(0.5, 0.5, 0.5), "y", [f"prob_{one}" for one in range(11)],
        "sorted() puts prob_10 before prob_2: github.com/leeprevost/OrdinalClassifier issue 6",
        classes=[str(one) for one in range(11)],
    ),
    Layout(
        "keras_softmax_list", ".parquet",
        parquet_of({
            "label": ([0, 2, 1], WHOLE),
            "probabilities": ([[0.7, 0.2, 0.1], [0.3, 0.2, 0.5], [0.5, 0.2, 0.3]], pa.list_(FLOAT)),
        }),
        "sparse_categorical_crossentropy", THREE, "label", "probabilities",
        "Keras model.predict of a softmax layer, a list in every row",
        classes=["0", "1", "2"],
    ),
    Layout(
        "numpy_printed", ".csv",
        "label,probs\n0,[0.7 0.2 0.1]\n2,[0.3 0.2 0.5]\n1,[0.5 0.2 0.3]\n",
        "sparse_categorical_crossentropy", THREE, "label", "probs",
        "pandas.DataFrame.to_csv of a column of NumPy arrays",
        classes=["0", "1", "2"],
    ),
    Layout(
        "python_printed", ".csv",
        'label,scores\n0,"[0.7, 0.2, 0.1]"\n2,"[0.3, 0.2, 0.5]"\n1,"[0.5, 0.2, 0.3]"\n',
        "sparse_categorical_crossentropy", THREE, "label", "scores",
        "csv.writer of Python lists, and JSON",
        classes=["0", "1", "2"],
    ),
    Layout(
        "lightgbm_multiclass", ".tsv",
        "label\tpred_0\tpred_1\tpred_2\n0\t0.7\t0.2\t0.1\n2\t0.3\t0.2\t0.5\n1\t0.5\t0.2\t0.3\n",
        "sparse_categorical_crossentropy", THREE, "label", ["pred_0", "pred_1", "pred_2"],
        "LightGBM task=predict: a tab-separated column for each class",
        classes=["0", "1", "2"],
    ),
    Layout(
        "catboost_multiclass", ".tsv",
        "SampleId\tProbability:Class=0\tProbability:Class=1\tProbability:Class=2\tLabel\n"
        "0\t0.7\t0.2\t0.1\t0\n1\t0.3\t0.2\t0.5\t2\n2\t0.5\t0.2\t0.3\t1\n",
        "sparse_categorical_crossentropy", THREE, "Label", [f"Probability:Class={one}" for one in range(3)],
        "catboost.ai/docs/en/concepts/output-data_model-value-output, multiclassification",
        classes=["0", "1", "2"],
    ),
    Layout(
        "catboost_multiclass_with_class", ".tsv",
        "SampleId\tProbability:Class=cat\tProbability:Class=dog\tProbability:Class=owl\tClass\tLabel\n"
        "0\t0.7\t0.2\t0.1\tcat\tcat\n1\t0.3\t0.2\t0.5\towl\towl\n2\t0.5\t0.2\t0.3\tcat\tdog\n",
        "sparse_categorical_crossentropy", THREE, "Label",
        [f"Probability:Class={one}" for one in ("cat", "dog", "owl")],
        "the same with --prediction-type Probability,Class: Class is the prediction",
        classes=["cat", "dog", "owl"],
    ),
    Layout(
        "catboost_multiclass_raw", ".tsv",
        "SampleId\tRawFormulaVal:Class=0\tRawFormulaVal:Class=1\tRawFormulaVal:Class=2\tLabel\n"
        + "".join(
            f"{row}\t" + "\t".join(str(1.0 + np.log(one)) for one in scores) + f"\t{label}\n"
            for row, (label, scores) in enumerate([(0, (0.7, 0.2, 0.1)), (2, (0.3, 0.2, 0.5)), (1, (0.5, 0.2, 0.3))])
        ),
        "sparse_categorical_crossentropy", THREE, "Label", [f"RawFormulaVal:Class={one}" for one in range(3)],
        "the same with --prediction-type RawFormulaVal: values before the softmax, as their name says",
        classes=["0", "1", "2"],
    ),
    Layout(
        "datarobot_multiclass", ".csv",
        "species,species_ant_PREDICTION,species_bee_PREDICTION,species_cat_PREDICTION,species_PREDICTION\n"
        "ant,0.7,0.2,0.1,ant\ncat,0.3,0.2,0.5,cat\nbee,0.5,0.2,0.3,ant\n",
        "sparse_categorical_crossentropy", THREE, "species",
        ["species_ant_PREDICTION", "species_bee_PREDICTION", "species_cat_PREDICTION"],
        "docs.datarobot.com, batch prediction output format",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "tidymodels", ".csv",
        "truth,.pred_class,.pred_ant,.pred_bee,.pred_cat\n"
        "ant,ant,0.7,0.2,0.1\ncat,cat,0.3,0.2,0.5\nbee,ant,0.5,0.2,0.3\n",
        "sparse_categorical_crossentropy", THREE, "truth", [".pred_ant", ".pred_bee", ".pred_cat"],
        "parsnip.tidymodels.org, augment(): .pred_class and .pred_<level>",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "caret", ".csv",
        '"pred","obs","ant","bee","cat","rowIndex"\n"ant","ant",0.7,0.2,0.1,1\n'
        '"cat","cat",0.3,0.2,0.5,2\n"ant","bee",0.5,0.2,0.3,3\n',
        "sparse_categorical_crossentropy", THREE, "obs", ["ant", "bee", "cat"],
        "R package caret, train()$pred: pred, obs, a column for each level",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "knime", ".csv",
        "species,P (species=ant),P (species=bee),P (species=cat),Prediction (species)\n"
        "ant,0.7,0.2,0.1,ant\ncat,0.3,0.2,0.5,cat\nbee,0.5,0.2,0.3,ant\n",
        "sparse_categorical_crossentropy", THREE, "species",
        ["P (species=ant)", "P (species=bee)", "P (species=cat)"],
        "KNIME predictor nodes: P (target=class), Prediction (target)",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "vertex_csv", ".csv",
        "species,species_ant_scores,species_bee_scores,species_cat_scores,predicted_species\n"
        "ant,0.7,0.2,0.1,ant\ncat,0.3,0.2,0.5,cat\nbee,0.5,0.2,0.3,ant\n",
        "sparse_categorical_crossentropy", THREE, "species",
        ["species_ant_scores", "species_bee_scores", "species_cat_scores"],
        "Vertex AI tabular batch prediction as CSV: <target>_<class>_scores",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "class_behind_pred", ".csv",
        "y_test,pred_ant,pred_bee,pred_cat\nant,0.7,0.2,0.1\ncat,0.3,0.2,0.5\nbee,0.5,0.2,0.3\n",
        "sparse_categorical_crossentropy", THREE, "y_test", ["pred_ant", "pred_bee", "pred_cat"],
        "y_test, the name that train_test_split's documentation gives the truth",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "class_in_front", ".csv",
        "label,ant_prob,bee_prob,cat_prob\nant,0.7,0.2,0.1\ncat,0.3,0.2,0.5\nbee,0.5,0.2,0.3\n",
        "sparse_categorical_crossentropy", THREE, "label", ["ant_prob", "bee_prob", "cat_prob"],
        "pandas.DataFrame(predict_proba, columns=classes_).add_suffix('_prob')",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "h2o_multiclass", ".csv",
        "label,predict,cat,dog,owl\ncat,cat,0.7,0.2,0.1\nowl,owl,0.3,0.2,0.5\ndog,cat,0.5,0.2,0.3\n",
        "sparse_categorical_crossentropy", THREE, "label", ["cat", "dog", "owl"],
        "docs.h2o.ai performance-and-prediction: predict and a column for each class",
        classes=["cat", "dog", "owl"],
    ),
    Layout(
        "autogluon_multiclass", ".csv",
        "class,setosa,versicolor,virginica\n"
        "setosa,0.7,0.2,0.1\nvirginica,0.3,0.2,0.5\nversicolor,0.5,0.2,0.3\n",
        "sparse_categorical_crossentropy", THREE, "class", ["setosa", "versicolor", "virginica"],
        "AutoGluon TabularPredictor.predict_proba: columns are the class labels",
        classes=["setosa", "versicolor", "virginica"],
    ),
    Layout(
        "evidently_multiclass", ".csv",
        "target,prediction,a,b,c\na,a,0.7,0.2,0.1\nc,c,0.3,0.2,0.5\nb,a,0.5,0.2,0.3\n",
        "sparse_categorical_crossentropy", THREE, "target", ["a", "b", "c"],
        "Evidently ColumnMapping: target, prediction, probabilities in columns called as the classes",
        classes=["a", "b", "c"],
    ),
    Layout(
        "target_and_class", ".csv",
        "species,predicted_species,species_ant,species_bee,species_cat\n"
        "ant,ant,0.7,0.2,0.1\ncat,cat,0.3,0.2,0.5\nbee,ant,0.5,0.2,0.3\n",
        "sparse_categorical_crossentropy", THREE, "species", ["species_ant", "species_bee", "species_cat"],
        "one column <target>_<class> for each class, as pandas.get_dummies names them",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "mljar_multiclass", ".csv",
        "y_true,p_0,p_1,p_2,label\n0,0.7,0.2,0.1,0\n2,0.3,0.2,0.5,2\n1,0.5,0.2,0.3,0\n",
        "sparse_categorical_crossentropy", THREE, "y_true", ["p_0", "p_1", "p_2"],
        "mljar-supervised predict_all: p_<class> and label, which is the prediction",
        classes=["0", "1", "2"],
    ),
    Layout(
        "spark_multiclass", ".parquet",
        parquet_of({
            "label": ([0.0, 2.0, 1.0], FLOAT),
            "rawPrediction": ([dense(7.0, 2.0, 1.0), dense(3.0, 2.0, 5.0), dense(5.0, 2.0, 3.0)], VECTOR),
            "probability": ([dense(0.7, 0.2, 0.1), sparse(3, {0: 0.3, 1: 0.2, 2: 0.5}), dense(0.5, 0.2, 0.3)], VECTOR),
            "prediction": ([0.0, 2.0, 0.0], FLOAT),
        }),
        "sparse_categorical_crossentropy", THREE, "label", "probability",
        "Spark ML: dense and sparse VectorUDT in one column",
        classes=["0", "1", "2"],
    ),
    Layout(
        "bigquery_multiclass", ".parquet",
        parquet_of({
            "predicted_species": (["ant", "cat", "ant"], TEXT),
            "predicted_species_probs": (
                [
                    [{"label": "ant", "prob": 0.7}, {"label": "bee", "prob": 0.2}, {"label": "cat", "prob": 0.1}],
                    [{"label": "cat", "prob": 0.5}, {"label": "ant", "prob": 0.3}, {"label": "bee", "prob": 0.2}],
                    [{"label": "ant", "prob": 0.5}, {"label": "cat", "prob": 0.3}, {"label": "bee", "prob": 0.2}],
                ],
                pa.list_(pa.struct([("label", TEXT), ("prob", FLOAT)])),
            ),
            "species": (["ant", "cat", "bee"], TEXT),
        }),
        "sparse_categorical_crossentropy", THREE, "species", "predicted_species_probs",
        "cloud.google.com bigqueryml-syntax-predict: probabilities in descending order, not that of the classes",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "bigquery_json", ".jsonl",
        '{"predicted_species":"ant","predicted_species_probs":[{"label":"ant","prob":0.7},{"label":"bee","prob":0.2},'
        '{"label":"cat","prob":0.1}],"species":"ant"}\n'
        '{"predicted_species":"cat","predicted_species_probs":[{"label":"cat","prob":0.5},{"label":"ant","prob":0.3},'
        '{"label":"bee","prob":0.2}],"species":"cat"}\n'
        '{"predicted_species":"ant","predicted_species_probs":[{"label":"ant","prob":0.5},{"label":"cat","prob":0.3},'
        '{"label":"bee","prob":0.2}],"species":"bee"}\n',
        "sparse_categorical_crossentropy", THREE, "species", "predicted_species_probs",
        "the same, exported from BigQuery as newline-delimited JSON",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "vertex_multiclass", ".parquet",
        parquet_of({
            "species": (["ant", "cat", "bee"], TEXT),
            "predicted_species": (
                [
                    {"classes": ["cat", "ant", "bee"], "scores": [0.1, 0.7, 0.2]},
                    {"classes": ["cat", "ant", "bee"], "scores": [0.5, 0.3, 0.2]},
                    {"classes": ["cat", "ant", "bee"], "scores": [0.3, 0.5, 0.2]},
                ],
                pa.struct([("classes", pa.list_(TEXT)), ("scores", pa.list_(FLOAT))]),
            ),
        }),
        "sparse_categorical_crossentropy", THREE, "species", "predicted_species",
        "Vertex AI AutoML tabular batch predictions to BigQuery: predicted_<target> with classes and scores",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "sagemaker_multiclass", ".csv",
        "target,predicted_label,probability,probabilities,labels\n"
        '''ant,ant,0.7,"[0.1, 0.7, 0.2]","['cat', 'ant', 'bee']"\n'''
        '''cat,cat,0.5,"[0.5, 0.3, 0.2]","['cat', 'ant', 'bee']"\n'''
        '''bee,ant,0.5,"[0.3, 0.5, 0.2]","['cat', 'ant', 'bee']"\n''',
        "sparse_categorical_crossentropy", THREE, "target", "probabilities",
        "docs.aws.amazon.com autopilot-container-output: labels holds the order of probabilities",
        classes=["cat", "ant", "bee"],
    ),
    Layout(
        "azure_multiclass", ".csv",
        'label,"Scored Probabilities for Class ""ant""","Scored Probabilities for Class ""bee""",'
        '"Scored Probabilities for Class ""cat""",Scored Labels\n'
        "ant,0.7,0.2,0.1,ant\ncat,0.3,0.2,0.5,cat\nbee,0.5,0.2,0.3,ant\n",
        "sparse_categorical_crossentropy", THREE, "label",
        [f'Scored Probabilities for Class "{one}"' for one in ("ant", "bee", "cat")],
        'Azure ML designer, Score Model: Scored Probabilities for Class "x"',
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "huggingface_class_labels", ".parquet",
        parquet_of(
            {
                "label": ([0, 2, 1], WHOLE),
                "scores": ([[0.7, 0.2, 0.1], [0.3, 0.2, 0.5], [0.5, 0.2, 0.3]], pa.list_(FLOAT)),
            },
            {"huggingface": {"info": {"features": {
                "label": {"names": ["world", "sports", "art"], "_type": "ClassLabel"},
                "scores": {"feature": {"dtype": "float64", "_type": "Value"}, "_type": "Sequence"},
            }}}},
        ),
        "sparse_categorical_crossentropy", THREE, "label", "scores",
        "datasets: ClassLabel names in the schema's metadata",
        classes=["world", "sports", "art"],
    ),
    Layout(
        "huggingface_pipeline", ".parquet",
        parquet_of({
            "label": ([0, 2, 1], WHOLE),
            "predictions": (
                [
                    [{"label": "LABEL_0", "score": 0.7}, {"label": "LABEL_1", "score": 0.2},
                     {"label": "LABEL_2", "score": 0.1}],
                    [{"label": "LABEL_2", "score": 0.5}, {"label": "LABEL_0", "score": 0.3},
                     {"label": "LABEL_1", "score": 0.2}],
                    [{"label": "LABEL_0", "score": 0.5}, {"label": "LABEL_2", "score": 0.3},
                     {"label": "LABEL_1", "score": 0.2}],
                ],
                pa.list_(pa.struct([("label", TEXT), ("score", FLOAT)])),
            ),
        }),
        "sparse_categorical_crossentropy", THREE, "label", "predictions",
        "transformers text-classification pipeline with top_k=None: label and score, LABEL_<i> without names",
        classes=["0", "1", "2"],
    ),
    Layout(
        "kaggle_otto", ".csv",
        "id,target,Class_1,Class_2,Class_3\n1,Class_1,0.7,0.2,0.1\n2,Class_3,0.3,0.2,0.5\n3,Class_2,0.5,0.2,0.3\n",
        "sparse_categorical_crossentropy", THREE, "target", ["Class_1", "Class_2", "Class_3"],
        "kaggle.com/c/otto-group-product-classification-challenge: id, Class_1 ... Class_9",
        classes=["Class_1", "Class_2", "Class_3"],
    ),
    Layout(
        "nannyml_multiclass", ".csv",
        "y_true,y_pred,y_pred_proba_ant,y_pred_proba_bee,y_pred_proba_cat\n"
        "ant,ant,0.7,0.2,0.1\ncat,cat,0.3,0.2,0.5\nbee,ant,0.5,0.2,0.3\n",
        "sparse_categorical_crossentropy", THREE, "y_true", [f"y_pred_proba_{one}" for one in ("ant", "bee", "cat")],
        "NannyML tutorials, multiclass classification: y_pred_proba_<class>",
        classes=["ant", "bee", "cat"],
    ),
    Layout(
        "pandas_categories", ".arrow",
        feather_of({
            "label": pa.DictionaryArray.from_arrays(pa.array([0, 2, 1], pa.int8()), ["high", "low", "mid"]),
            "probs": pa.array([[0.7, 0.2, 0.1], [0.3, 0.2, 0.5], [0.5, 0.2, 0.3]]),
        }),
        "sparse_categorical_crossentropy", THREE, "label", "probs",
        "pandas.Categorical in Feather: the dictionary is the list of categories",
        classes=["high", "low", "mid"],
    ),
]  # fmt: skip

REGRESSION = [
    Layout(
        "sklearn_regression", ".csv",
        "y_true,y_pred\n3.0,2.5\n-0.5,0.0\n2.0,2.0\n",
        "mean_squared_error", squared(0.5, 0.5, 0.0), "y_true", "y_pred",
        "scikit-learn mean_squared_error: y_true, y_pred",
    ),
    Layout(
        "bigquery_regression", ".parquet",
        parquet_of({"predicted_price": ([2.5, 0.0], FLOAT), "price": ([3.0, -0.5], FLOAT)}),
        "mean_squared_error", squared(0.5, 0.5), "price", "predicted_price",
        "cloud.google.com bigqueryml-syntax-predict: predicted_<label>",
    ),
    Layout(
        "vertex_regression", ".parquet",
        parquet_of({
            "price": ([3.0, -0.5], FLOAT),
            "predicted_price": (
                [{"value": 2.5, "lower_bound": 2.0, "upper_bound": 3.0},
                 {"value": 0.0, "lower_bound": -1.0, "upper_bound": 1.0}],
                pa.struct([("value", FLOAT), ("lower_bound", FLOAT), ("upper_bound", FLOAT)]),
            ),
        }),
        "mean_squared_error", squared(0.5, 0.5), "price", "predicted_price.value",
        "Vertex AI AutoML tabular regression: predicted_<target> with value, lower_bound, upper_bound",
    ),
    Layout(
        "vertex_regression_json", ".jsonl",
        '{"label": 3.0, "prediction": {"value": 2.5, "lower_bound": 2.0, "upper_bound": 3.0}}\n'
        '{"label": -0.5, "prediction": {"value": 0.0, "lower_bound": -1.0, "upper_bound": 1.0}}\n',
        "mean_squared_error", squared(0.5, 0.5), "label", "prediction.value",
        "Vertex AI batch predictions as JSON lines: prediction with value, lower_bound, upper_bound",
    ),
    Layout(
        "datarobot", ".csv",
        "row_id,sales,sales_PREDICTION\n0,3.0,2.5\n1,-0.5,0.0\n",
        "mean_squared_error", squared(0.5, 0.5), "sales", "sales_PREDICTION",
        "DataRobot batch predictions: <target>_PREDICTION",
    ),
    Layout(
        "prophet", ".csv",
        "ds,y,yhat,yhat_lower,yhat_upper\n2024-01-01,3.0,2.5,2.0,3.5\n2024-01-02,-0.5,0.0,-1.0,1.0\n",
        "mean_absolute_error", absolute(0.5, 0.5), "y", "yhat",
        "facebook.github.io/prophet quick start: ds, yhat, yhat_lower, yhat_upper",
    ),
    Layout(
        "prophet_interval", ".csv",
        "ds,y,yhat,yhat_lower,yhat_upper\n2024-01-01,4.0,2.5,2.0,3.5\n2024-01-02,-0.5,0.0,-1.0,1.0\n",
        "interval_score:alpha=0.2", float(np.mean([1.5 + 2 / 0.2 * 0.5, 2.0])), "y", "",
        "the same file: yhat_lower and yhat_upper bound the 80 % interval by default",
        others={"lower": "yhat_lower", "upper": "yhat_upper"},
    ),
    Layout(
        "nixtla", ".csv",
        "unique_id,ds,y,NHITS,NHITS-lo-90,NHITS-hi-90\nH1,1,3.0,2.5,2.0,3.5\nH1,2,-0.5,0.0,-1.0,1.0\n",
        "mean_absolute_error", absolute(0.5, 0.5), "y", "NHITS",
        "nixtlaverse: unique_id, ds, y, <model>, <model>-lo-90, <model>-hi-90",
    ),
    Layout(
        "nixtla_interval", ".csv",
        "unique_id,ds,y,NHITS,NHITS-lo-90,NHITS-hi-90\nH1,1,4.0,2.5,2.0,3.5\nH1,2,-0.5,0.0,-1.0,1.0\n",
        "interval_score:alpha=0.1", float(np.mean([1.5 + 2 / 0.1 * 0.5, 2.0])), "y", "",
        "the same file",
        others={"lower": "NHITS-lo-90", "upper": "NHITS-hi-90"},
    ),
    Layout(
        "autogluon_timeseries", ".csv",
        "item_id,timestamp,target,mean,0.1,0.5,0.9\nA,2024-01-01,3.0,2.5,2.0,2.4,3.5\nA,2024-01-02,-0.5,0.0,-1.0,0.1,1.0\n",
        "mean_absolute_error", absolute(0.5, 0.5), "target", "mean",
        "AutoGluon TimeSeriesPredictor.predict: mean and the quantile levels",
    ),
    Layout(
        "autogluon_quantile", ".csv",
        "item_id,timestamp,target,mean,0.1,0.5,0.9\nA,2024-01-01,4.5,2.5,2.0,2.4,3.5\nA,2024-01-02,-0.5,0.0,-1.0,0.1,1.0\n",
        "quantile:quantile=0.9", float(np.mean([0.9 * 1.0, 0.1 * 1.5])), "target", "0.9",
        "the same file: a loss of a quantile reads the column of that level",
    ),
    Layout(
        "azure_regression", ".csv",
        "target,Scored Labels\n3.0,2.5\n-0.5,0.0\n",
        "mean_squared_error", squared(0.5, 0.5), "target", "Scored Labels",
        "Azure ML designer, Score Model of a regression: Scored Labels",
    ),
    Layout(
        "h2o_regression", ".csv",
        "target,predict\n3.0,2.5\n-0.5,0.0\n",
        "mean_squared_error", squared(0.5, 0.5), "target", "predict",
        "docs.h2o.ai performance-and-prediction: predict",
    ),
    Layout(
        "pycaret_regression", ".csv",
        "bedrooms,target,prediction_label\n2,3.0,2.5\n3,-0.5,0.0\n",
        "mean_squared_error", squared(0.5, 0.5), "target", "prediction_label",
        "PyCaret 3 predict_model of a regression: prediction_label",
    ),
    Layout(
        "evidently_regression", ".csv",
        "target,prediction\n3.0,2.5\n-0.5,0.0\n",
        "mean_squared_error", squared(0.5, 0.5), "target", "prediction",
        "Evidently ColumnMapping: target, prediction",
    ),
    Layout(
        "spark_regression", ".parquet",
        parquet_of({"label": ([3.0, -0.5], FLOAT), "prediction": ([2.5, 0.0], FLOAT)}),
        "mean_squared_error", squared(0.5, 0.5), "label", "prediction",
        "Spark ML RegressionModel: label, prediction",
    ),
]  # fmt: skip

LAYOUTS = [*BINARY, *MULTICLASS, *REGRESSION]
